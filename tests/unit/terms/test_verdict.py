"""Verdicts: which rows take part, what the strictest of them says, and that no verdict outlives the day on which it changes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.core.decision import VERDICTS
from proxy.core.terms import Adoption, Cell, ModelGlob, Models, Row
from proxy.terms import compiling
from proxy.terms.catalog import Catalogue, extended, read
from proxy.terms.verdict import TermsJudge, approval
from tests.catalogues import FILES, HEAD, call, instant, written


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Catalogue:
    return read(written(tmp_path_factory.mktemp("terms")))


@pytest.fixture
def judge(catalogue: Catalogue) -> TermsJudge:
    return TermsJudge(compiling.rows(catalogue), compiling.models(catalogue))


@pytest.fixture
def own(catalogue: Catalogue, tmp_path: Path) -> Callable[[str], TermsJudge]:
    """A judge with one agreement of the tenant's own."""

    def made(spec: str) -> TermsJudge:
        (tmp_path / "own.yaml").write_text(f"{HEAD}kind: Contract\nmetadata: {{name: ours}}\nspec:\n  base: acme.api\n{spec}")
        whole = extended(catalogue, [tmp_path])
        return TermsJudge(compiling.rows(whole), compiling.models(whole))

    return made


@pytest.mark.parametrize(
    ("before", "after", "purpose", "was", "became"),
    [
        ("2025-12-31T23:59:59+00:00", "2026-01-01", "train.self_distill", "allow", "forbid"),
        ("2026-12-31T23:59:59+00:00", "2027-01-01", "eval.private", "allow", "review"),
        ("2027-05-31T23:59:59+00:00", "2027-06-01", "train.classifier_internal", "allow_with_obligations", "review"),
        ("2027-11-30", "2027-12-01", "train.classifier_internal", "review", "review"),
    ],
)
def test_a_verdict_flips_on_its_day(judge: TermsJudge, before: str, after: str, purpose: str, was: str, became: str) -> None:
    """The last instant of a day and the first of the next are judged by different cells, in whatever order they are asked about."""
    attributes = {"distributed": "false"}
    for _ in range(2):
        assert judge.judge(call(before, purpose, attributes=attributes)).verdict == was
        assert judge.judge(call(after, purpose, attributes=attributes)).verdict == became


def test_the_clause_of_the_day_decides(judge: TermsJudge) -> None:
    """The same verdict names another clause and another version of the text once the text has changed."""
    old, new = (judge.judge(call(day, "train.general")) for day in ("2025-06-01", "2026-06-01"))
    assert (old.verdict, old.clauses, old.rows, old.basis) == ("forbid", ("acme.compete",), ("acme.api@2025-01-01",), "prohibition")
    assert (new.verdict, new.clauses, new.rows) == ("forbid", ("acme.any_model",), ("acme.api@2026-01-01",))
    assert (old.confirmed, new.confirmed) == (True, True)


def test_attributes_decide(judge: TermsJudge) -> None:
    """What a cell requires and is not said makes it a review, another value what the cell says of that."""
    verdicts = [
        judge.judge(call("2026-06-01", "train.classifier_internal", attributes=attributes))
        for attributes in ({"distributed": "false"}, {}, {"distributed": "true"}, {"other": "x"})
    ]
    assert [each.verdict for each in verdicts] == ["allow_with_obligations", "review", "forbid", "review"]
    assert verdicts[0].obligations == ("kept inside",)


def test_an_approval_lifts_a_bar_until_it_ends(judge: TermsJudge) -> None:
    """A written approval counts until its day, one that names no day never."""
    bought = {"approval_id": "CASE 7 until 2025-07-01"}
    approved = judge.judge(call("2025-06-30T23:59:59+00:00", "train.general", attributes=bought))
    assert (approved.verdict, approved.obligations) == ("allow_with_obligations", ("keep to the approval CASE 7",))
    assert judge.judge(call("2025-07-01", "train.general", attributes=bought)).verdict == "forbid"
    for written_as in ("CASE-7", "CASE-7 until 2025-13-01", "", "until 2026-01-01"):
        assert judge.judge(call("2025-06-01", "train.general", attributes={"approval_id": written_as})).verdict == "forbid"
    assert approval("CASE-7 until 1970-01-02") == ("CASE-7", 86_400_000_000, "")


@pytest.mark.parametrize(
    ("reach", "verdict"),
    [("acme", "allow_with_obligations"), ("other,acme.api", "allow_with_obligations"), ("other", "forbid")],
)
def test_an_approval_reaches_what_it_names(judge: TermsJudge, reach: str, verdict: str) -> None:
    """A provider or a row, and no other's bars."""
    bought = {"approval_id": f"CASE-7 for {reach} until 2027-07-01"}
    assert judge.judge(call("2025-06-01", "train.general", attributes=bought)).verdict == verdict


def test_memory_never_allows(judge: TermsJudge) -> None:
    """A clause that nobody has read is a review, and a bar that was read second-hand is not confirmed."""
    assert judge.judge(call("2026-06-01", "data.publish")).verdict == "review"
    probing = judge.judge(call("2026-06-01", "security.provider"))
    assert (probing.verdict, probing.confirmed) == ("forbid", False)


def test_an_adoption_confirms_a_row_as_it_was_read(catalogue: Catalogue) -> None:
    """A person's reading confirms the row; once its text is another one, it is unread again."""
    rows = compiling.rows(catalogue)
    for digest, confirmed in ((rows["acme.api"].digest, True), ("0" * 16, False)):
        adoption = Adoption("acme.api", digest, "Counsel", 1)
        judge = TermsJudge(rows, compiling.models(catalogue), adoptions={"acme.api": adoption})
        assert judge.judge(call("2026-06-01", "security.provider")).confirmed is confirmed


def test_the_route_decides_and_the_model_too(judge: TermsJudge) -> None:
    """A host that leaves it to the model is judged by the model's row, and a model that nobody knows is a review."""
    passed = judge.judge(call("2026-06-01", "train.general", "open-7b", "api.host.example:443"))
    assert (passed.verdict, passed.rows) == ("allow_with_obligations", ("host.api", "licence.open"))
    assert passed.obligations == ("pass the model's terms on", "name it Open")
    assert judge.judge(call("2026-06-01", "train.general", "ACME-2", "api.host.example")).verdict == "forbid"
    assert judge.judge(call("2026-06-01", "train.general", "unheard-of", "api.host.example")).verdict == "review"
    assert judge.judge(call("2026-06-01", "train.general", None, "api.host.example")).verdict == "review"
    assert judge.judge(call("2026-06-01", "use.product", "unheard-of")).verdict == "allow"
    assert judge.judge(call("2026-06-01", "use.product", "open-7b", "api.nobody.example")).verdict == "review"
    licensed = call("2026-06-01", "train.general", "mine", "api.host.example", licence="licence.open")
    assert judge.judge(licensed).verdict == "allow_with_obligations"
    assert judge.judge(call("2026-06-01", "use.product", licence="licence.unknown")).verdict == "review"


@pytest.mark.parametrize("host", ["API.acme.example", "api.acme.example:8443", "eu.acme.test", "[::1]:8080", "::1"])
def test_a_host_is_known_with_its_port_and_in_any_case(catalogue: Catalogue, tmp_path: Path, host: str) -> None:
    """Names, globs and addresses of hosts lead to their contract however the call has them."""
    row = FILES["acme/acme.api.yaml"].replace('"*.acme.test"', '"*.acme.test", "[::1]"')
    rows = compiling.rows(read(written(tmp_path, {"acme/acme.api.yaml": row})))
    verdict = TermsJudge(rows, compiling.models(catalogue)).judge(call("2026-06-01", "use.product", None, host))
    assert verdict.rows == ("acme.api@2026-01-01",)


def test_rows_that_contradict_each_other_are_a_conflict(judge: TermsJudge) -> None:
    """An express grant beside a prohibition is shown, and the prohibition decides."""
    verdict = judge.judge(call("2026-06-01", "train.general", "open-7b"))
    assert (verdict.verdict, verdict.conflict) == ("forbid", True)
    assert not judge.judge(call("2026-06-01", "use.product", "open-7b")).conflict


def test_a_subscription_has_its_own_row(judge: TermsJudge) -> None:
    """The credential's plan picks the row; a plan that the contract does not know changes nothing."""
    assert judge.judge(call("2026-06-01", "use.product", plan="oauth_subscription")).verdict == "forbid"
    assert judge.judge(call("2026-06-01", "use.product", plan="coding_plan")).verdict == "allow"
    assert judge.judge(call("2026-06-01", "use.product", host="nowhere.example", contract="acme.api")).verdict == "allow"


def test_what_was_not_declared_is_judged_as_internal_use_and_marked(judge: TermsJudge) -> None:
    """Undeclared calls pass where internal use does, and say what was assumed."""
    verdict = judge.judge(call("2026-06-01", "undeclared"))
    assert (verdict.verdict, verdict.assumed) == ("allow", "use.internal")
    assert judge.judge(call("2026-06-01", "use.internal")).assumed == ""


def test_extraction_is_barred_by_every_host(judge: TermsJudge) -> None:
    """A contract that says nothing of extraction bars it all the same."""
    assert judge.judge(call("2026-06-01", "extract.systematic", "open-7b", "api.host.example")).verdict == "forbid"


def test_a_signed_permission_replaces_the_row_it_stands_on(own: Callable[[str], TermsJudge]) -> None:
    """What was signed counts while the agreement lasts, for this provider's models, and never for another's."""
    judge = own(
        "  agreement: {reference: MSA 4, approver: counsel, expires: 2027-01-01}\n"
        "  matrix: [{purpose: train.general, verdict: allow, basis: express_grant, from: 2026-02-01}]\n"
    )
    assert [
        judge.judge(call(day, "train.general", contract="ours")).verdict
        for day in ("2026-01-31", "2026-02-01", "2026-12-31", "2027-01-01")
    ] == ["forbid", "allow", "allow", "forbid"]
    assert judge.judge(call("2026-03-01", "use.product", contract="ours")).verdict == "allow"
    assert judge.judge(call("2026-03-01", "train.general", "open-1", contract="ours")).verdict == "allow_with_obligations"
    assert judge.judge(call("2026-03-01", "train.general")).verdict == "forbid"
    assert judge.judge(call("2026-03-01", "use.product", contract="ours", plan="oauth_subscription")).verdict == "forbid"


def test_an_update_reaches_a_tenant_when_it_agrees_to_it(own: Callable[[str], TermsJudge]) -> None:
    """Texts that are pinned stay as they were on the last day of agreement; the next one brings the change."""
    judge = own("  order_form_at: 2025-05-01\n  renewed_at: 2026-05-01\n")
    verdicts = [judge.judge(call(day, "train.self_distill", contract="ours")) for day in ("2026-04-30", "2026-05-01")]
    assert [each.verdict for each in verdicts] == ["allow", "forbid"]
    assert judge.judge(call("2026-04-30", "train.general", contract="ours")).clauses == ("acme.compete",)
    floating = own("  order_form_at: 2025-05-01\n  updates: floats\n")
    assert floating.judge(call("2026-04-30", "train.self_distill", contract="ours")).verdict == "forbid"
    accepted = own("  order_form_at: 2026-05-01\n  accepted_at: [2025-02-01]\n  updates: on_acceptance\n")
    assert accepted.judge(call("2026-06-30", "train.self_distill", contract="ours")).verdict == "allow"


def test_names_that_clients_choose_do_not_fill_the_memory(judge: TermsJudge) -> None:
    """What is remembered is bounded, however many models are named."""
    for number in range(5000):
        judge.judge(call("2026-06-01", "use.product", f"open-{number}"))
    judge.judge(call("2026-06-01", "use.product", "x" * 100_000))
    assert len(judge._known) <= 4096
    assert all(len(key[5] or "") < 1000 for key in judge._known)


def test_a_request_that_asks_no_model_waits_for_no_row(judge: TermsJudge) -> None:
    """A list or a state at a host that leaves it to the model is no review, and a query without a model is not taken for one."""
    read, asked = (call("2026-06-01", "use.product", None, "api.host.example", method=method) for method in ("GET", "POST"))
    for _ in range(2):
        assert judge.judge(read).verdict == "allow"
        assert judge.judge(asked).verdict == "review"
    assert judge.judge(call("2026-06-01", "use.product", "x", "api.host.example", method="GET")).verdict == "review"


def test_a_plan_stands_in_the_place_of_the_providers_row(judge: TermsJudge) -> None:
    """The provider's own row for its models is not asked beside the terms of the subscription that was used."""
    assert judge.judge(call("2026-06-01", "use.product", plan="oauth_subscription")).rows == ("acme.consumer@2025-01-01",)


_CELLS = st.builds(
    Cell,
    verdict=st.sampled_from(VERDICTS),
    basis=st.sampled_from(["silence", "prohibition", "express_grant"]),
    starts=st.sampled_from([None, instant("2026-01-01")]),
    until=st.sampled_from([None, instant("2026-03-01")]),
    clauses=st.lists(st.sampled_from(["a", "b", "c"]), max_size=2).map(tuple),
    obligations=st.lists(st.sampled_from(["x", "y"]), max_size=2).map(tuple),
)


@given(st.lists(_CELLS, min_size=3, max_size=3), st.sampled_from(["2025-12-01", "2026-02-01", "2026-03-01"]))
def test_layers_are_united_by_the_strictest(cells: list[Cell], day: str) -> None:
    """Whatever the rows say: no verdict is milder than a layer's, and nothing that a layer names is lost."""
    kinds = ("contract", "licence", "licence")
    rows = {
        name: Row(name, kind, cells={"use.product": (cell,)})
        for name, kind, cell in zip(("h", "m", "l"), kinds, cells, strict=True)
    }
    judge = TermsJudge(rows, Models((ModelGlob("*", "m"),)))
    asked = call(day, "use.product", contract="h", licence="l")
    verdict, again = judge.judge(asked), judge.judge(asked)
    at = instant(day)
    said = [cell for cell in cells if (cell.starts or 0) <= at < (cell.until or 1 << 62)]
    wanted = [cell.verdict for cell in said] + ["review"] * (3 - len(said))
    assert verdict is again
    assert verdict.verdict == max(wanted, key=VERDICTS.index)
    assert set(verdict.clauses) == {clause for cell in said for clause in cell.clauses}
    assert set(verdict.obligations) == {each for cell in said for each in cell.obligations}
    assert verdict.rows == ("h", "l", "m")


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=12))
def test_what_is_remembered_is_never_stale(steps: list[int]) -> None:
    """A judge that is asked about any days in any order says what a fresh one says."""
    cells = tuple(
        Cell(("allow", "forbid")[each % 2], starts=instant(f"2026-01-0{each + 1}"), until=instant(f"2026-01-0{each + 2}"))
        for each in range(6)
    )
    row = Row("h", "contract", cells={"use.product": cells}, versions=((instant("2026-01-03"), "2026-01-03"),))
    kept = TermsJudge({"h": row}, Models())
    day = 4
    for step in steps:
        day = min(9, max(1, day + step))
        for second in (f"2026-01-0{day}T00:00:00+00:00", f"2026-01-0{day}T23:59:59.999999+00:00"):
            asked = call(second, "use.product", contract="h", attributes={"approval_id": "A until 2026-01-05"})
            assert kept.judge(asked) == TermsJudge({"h": row}, Models()).judge(asked)
