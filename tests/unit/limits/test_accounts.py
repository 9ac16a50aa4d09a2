"""What one process has of one budget."""

from proxy.limits.accounts import Account, Given

SECOND = 1_000_000


def leased(account: Account, amount: int, clock_us: int, sent: float, now: float, demand: int = 1) -> None:
    """An answer to what is asked now."""
    if demand:
        account.want(demand)
    account.receive(account.ask(), Given(amount, 0), clock_us, sent, now)


def test_a_lease_dies_with_its_window() -> None:
    """Counted from the moment of the question: whatever the way took, it is never good for too long."""
    account = Account(("n", "", "requests"), 10.0)
    account.count = 100
    leased(account, 5, 1004 * SECOND, sent=50.0, now=53.0)
    assert [account.at_hand(now) for now in (53.0, 55.9, 56.0, 60.0)] == [5, 5, 0, 0]
    leased(account, 2, 1005 * SECOND, sent=51.5, now=53.0)
    assert (account.at_hand(56.1), account.at_hand(56.5)) == (7, 0)
    leased(account, 3, 1011 * SECOND, sent=57.0, now=57.0)
    assert account.at_hand(57.0) == 3


def test_what_comes_back_after_its_window_is_nobodys() -> None:
    """A budget gives no more because a window before it gave too much."""
    account = Account(("n", "", "tokens"), 10.0)
    account.count = 100
    leased(account, 50, 1004 * SECOND, 50.0, 50.0)
    account.take(30, 50.0)
    window = account.window
    account.give_back(10, window, 51.0)
    assert account.at_hand(51.0) == 30
    leased(account, 1, 1012 * SECOND, 58.0, 58.0)
    account.give_back(20, window, 58.0)
    assert account.at_hand(58.0) == 1


def test_what_is_not_at_hand_is_owed_until_it_was_heard() -> None:
    """And told again where there was no answer."""
    account = Account(("n", "", "tokens"), 10.0)
    account.count = 100
    account.take(7, 0.0)
    asked = account.ask()
    assert (asked.owed, account.owed) == (7, 0)
    account.unanswered(asked)
    assert account.owed == 7
    assert account.ask().owed == 7
    assert account.give_up(0.0) is None


def test_leases_grow_while_they_are_used_up() -> None:
    """To a part of the budget at most, and shrink when they are not."""
    account = Account(("n", "", "requests"), 3600.0)
    account.count = 3200
    ahead = []
    for turn in range(10):
        leased(account, 1, 1000 * SECOND, turn * 0.1, turn * 0.1)
        ahead.append(account.ask().ahead)
    assert ahead[-1] == max(ahead) == 100
    for turn in range(9):
        leased(account, 1, 1000 * SECOND, 10.0 + turn * 5, 10.0 + turn * 5)
    assert account.ask().ahead == 1


def test_no_more_before_the_window_ends() -> None:
    """Is remembered for such amounts, and those that are larger."""
    account = Account(("n", "", "tokens"), 10.0)
    account.count = 100
    leased(account, 0, 1004 * SECOND, 50.0, 50.0, demand=20)
    assert [account.dry(amount, 55.0) for amount in (19, 20, 21)] == [False, True, True]
    assert not account.dry(20, 56.0)
