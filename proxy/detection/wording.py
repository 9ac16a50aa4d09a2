"""What the words of a prompt ask for, as concepts: one bit each. Few and general, so that no tool's own sentence is looked for.

A concept is a word of one class near a word of another (`generate` … `questions`), or a phrase that says it alone. English, with
a few words of the languages in which the same is asked. A word list is easily evaded: no finding rests on it alone.
"""

from __future__ import annotations

import re

GENERATE, DIVERSE, REWRITE, TRAINING, JUDGE, COERCE, STEPS, ROLES, NARROW, LANGUAGE, CONTEXT = (1 << bit for bit in range(11))

NAMES = {
    GENERATE: "generate tasks, questions or dialogues",
    DIVERSE: "diversity asked for",
    REWRITE: "rewrite or complicate a prompt",
    TRAINING: "training data, distillation or a reward model",
    JUDGE: "rate, rank or prefer",
    COERCE: "the whole reasoning written out",
    STEPS: """step by step""",
    ROLES: "two models play roles",
    NARROW: "one narrow task",
    LANGUAGE: "a language for the reasoning",
    CONTEXT: "answers from given context",
}

WINDOW = 7
"""Words within which the second word has to follow the first."""


def _classes(**lists: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for bit, words in enumerate(lists.values()):
        for word in words.split():
            found[word] = found.get(word, 0) | 1 << bit
    return found


_MAKE, _ASK, _CHANGE, _HARD, _WHOLE, _THINK, _GRADE, _GRADED, _NEW, _TEACH, _MANY = (1 << bit for bit in range(11))
_CLASS = _classes(
    make="""generate create write produce develop propose formulate brainstorm invent compose construct craft make design synthesize
    generating creating writing producing developing suggest pose derive draft genere erzeuge erstelle crea genera""",
    ask="""instruction instructions prompt prompts task tasks question questions query queries problem problems exercise exercises
    scenario scenarios persona personas topic topics subtopics dialogue dialogues conversation conversations utterances pairs
    puzzle puzzles challenge challenges preguntas fragen aufgaben examples""",
    change="rewrite rewriting rewritten evolve evolved complicate paraphrase rephrase mutate increase deepen transform",
    hard="complex complexity harder difficult difficulty challenging depth breadth concretizing constraints reasoning specific",
    whole="full complete entire intermediate whole transparent verbose explicit fully explicitly exhaustive completely",
    think="reasoning thinking thought thoughts steps step chain rationale derivation reason",
    grade="""rate rating score scores scoring rank ranking evaluate evaluating judge judging grade grading graded grader annotate
    assess prefer compare annotations verify""",
    graded="""response responses output outputs answer answers completion completions text texts solution model models candidate
    helpfulness honesty truthfulness correctness rubric quality criteria""",
    new="new novel",
    teach="sft rlhf dpo",
    many="diverse diversity varied variety dissimilar unique creative imaginative",
)
_PAIRS = (
    (_MAKE, _ASK, GENERATE),
    (_CHANGE, _ASK, REWRITE),
    (_ASK, _HARD, REWRITE),
    (_HARD, _ASK, REWRITE),
    (_WHOLE, _THINK, COERCE),
    (_THINK, _WHOLE, COERCE),
    (_GRADE, _GRADED, JUDGE),
    (_NEW, _ASK, GENERATE),
)


_TELLING = {
    TRAINING: """training data, training set, training example, training sample, fine-tun, finetun, distill, synthetic data,
        reward model, student model, teacher model, instruction tuning, instruction-tuning, preference data, preference pair,
        llm training, 训练数据, 微调, 蒸馏, trainingsdaten, datos de entrenamiento""",
    COERCE: """<think, think>, <thought, <reasoning, thought process, reasoning trace,
        show your work, internal reasoning, inner monologue, thinking process, 思维链, 推理过程, 完整的推理""",
    STEPS: "step by step, step-by-step, chain of thought, chain-of-thought, \\boxed, 一步一步, 逐步, schritt für schritt",
    ROLES: """never forget you are, flip roles, you will play, role-play, roleplay, simulate a conversation""",
    NARROW: """translat, classif, extract, summar, sentiment, label the, following label, categor, moderat, transcri,
        correct the grammar, output only, use exactly one of, route the, e-mail, email, blog post, headline, product description,
        subject line, sql, commit message, code review""",
    CONTEXT: """context information, given context, provided context, following context, based on the context, context below,
        retrieved, relevant document, knowledge base, standalone question, the document, customer, search results, policy""",
    LANGUAGE: "think in , reason in chinese, reason in english, language of your reasoning, reasoning must be in",
    GENERATE: """生成, come up with, q&a pairs, question-answer, question and answer pairs, new task, new instruction,
        more specific""",
    DIVERSE: "avoid repet, avoid repeat, wide range of, 多样",
    JUDGE: "from 0 to 00, from 0 to 0, scale of 0, between 0-0, which response is better, 评分",
}
_PHRASES = tuple((bit, tuple(map(str.strip, phrases.split(",")))) for bit, phrases in _TELLING.items())
_WORD = re.compile(r"[a-zà-ÿ]+")


def concepts(low: str) -> int:
    """The concepts of a piece of text (lower case, digits as noughts), as bits."""
    found = 0
    for bit, phrases in _PHRASES:
        for phrase in phrases:
            if phrase in low:
                found |= bit
                break
    kinds = [_CLASS.get(word, 0) for word in _WORD.findall(low)]
    for place, kind in enumerate(kinds):
        if kind:
            found |= (TRAINING if kind & _TEACH else 0) | (DIVERSE if kind & _MANY else 0)
            near = 0
            for later in kinds[place + 1 : place + WINDOW]:
                near |= later
            if near:
                for first, second, bit in _PAIRS:
                    if kind & first and near & second:
                        found |= bit
    return found
