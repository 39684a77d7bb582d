"""Puts together what the GPU host needs beside the examples: system messages, texts to measure on.

    python -m training.prepare DATA CANDIDATES.jsonl MODEL_FOLDER OUT

Writes into OUT systems.json (the researcher's system message, without and with its tools as the
chat template renders them), wording.json (the product's words), claims.jsonl.xz (those of
`docmind eval citations` as prompts), relevance.jsonl.xz (each candidate of `training.candidates` as
a prompt), plans.jsonl.xz (held-out messages to be planned) and plain.jsonl.xz (held-out texts for
perplexity).
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

from langchain_core.utils.function_calling import convert_to_openai_tool
from transformers import AutoTokenizer

from benchmarks.claims import Claim, make_claims
from benchmarks.questions import load_routing
from docmind.agents.agent_spec import AgentSpec
from docmind.agents.cells import ASPECT
from docmind.agents.library import RULES as LIBRARY_RULES
from docmind.agents.plan import PlanForm
from docmind.agents.planner import IN_FULL, NEW_MESSAGE, plan_prompt
from docmind.agents.refusals import NOT_FOUND
from docmind.agents.replies import CHAT, CONVERSATION, REMINDER, app_facts
from docmind.agents.team import RESEARCHER, TEAM
from docmind.agents.tools import make_tools
from training.examples import NOT_STATED, SUPPORTED, Text, judged, relevance
from training.sources import is_kept, rows, test_files, write

PLAIN_TEXTS = 120
PLANS = 120


def system_messages(model: Path) -> dict[str, str]:
    """Return the researcher's system message, without and with its tools."""
    described = with_tools(model, RESEARCHER)
    return {"plain": RESEARCHER.system_prompt, "tools": described}


def with_tools(model: Path, agent: AgentSpec) -> str:
    """Return an agent's system message with its tools, as the chat template writes them."""
    tokenizer = AutoTokenizer.from_pretrained(model)
    # The tools' descriptions need no documents.
    tools = make_tools(cast("Any", None), cast("Any", None), 5)
    described = [convert_to_openai_tool(tools[name]) for name in agent.tools if name in tools]
    messages = [
        {"role": "system", "content": agent.system_prompt},
        {"role": "user", "content": "X"},
    ]
    prompt = tokenizer.apply_chat_template(messages, tools=described, tokenize=False)
    return str(prompt).split("<|im_start|>system\n")[1].split("<|im_end|>")[0]


def words(model: Path) -> dict[str, Any]:
    """Return the words of the product's prompts."""
    return plan_words() | {
        "with_tools": {agent.name: with_tools(model, agent) for agent in TEAM},
        "replies": {"chat": CHAT, "app": app_facts(), "conversation": CONVERSATION},
        "reminder": REMINDER,
        "cell": ASPECT,
        "closings": {agent.name: agent.closing for agent in TEAM},
        "kinds": [agent.kind for agent in TEAM],
        "not_found": NOT_FOUND,
    }


def plan_words() -> dict[str, Any]:
    """Return the words of the prompts that ask for plans."""
    return {
        "systems": {agent.name: agent.system_prompt for agent in TEAM}
        | {
            "plan": plan_prompt(TEAM),
            "follow_up": plan_prompt(TEAM, PlanForm.FULL_QUESTION),
            "library": LIBRARY_RULES,
        },
        "new_message": NEW_MESSAGE,
        "in_full": IN_FULL,
        "reported": [message["message"] for message in load_routing()],
    }


def claim_rows(claims: Iterable[Claim]) -> Iterator[dict[str, object]]:
    """Yield the claims as prompts, with their half."""
    for claim in claims:
        passage = claim.source.passage
        example = judged(
            claim.kind,
            [Text(passage.text, passage.file_name)],
            claim.statement,
            SUPPORTED if claim.supported else NOT_STATED,
            question=claim.question,
        )
        yield {"half": claim.half, **example.as_json()}


def main() -> None:
    """Write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("candidates", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    train: Path = arguments.data / "train"
    pick = random.Random(6)
    (out / "wording.json").write_text(json.dumps(words(arguments.model)), "utf-8")
    write(out / "claims.jsonl.xz", claim_rows(make_claims(arguments.data)))
    (out / "systems.json").write_text(json.dumps(system_messages(arguments.model)), "utf-8")

    prompts = []
    for number, line in enumerate(arguments.candidates.read_text("utf-8").splitlines()):
        row = json.loads(line)
        for candidate in row["candidates"]:
            text = Text(candidate["text"], candidate["file_name"])
            example = relevance(row["set"], text, row["question"], relevant=True)
            prompts.append({"number": number, **example.as_json()})
    write(out / "relevance.jsonl.xz", prompts)

    messages = []
    for file in [*test_files(train, "routing"), *test_files(train, "turns")]:
        for row in rows(file):
            messages.append(row.get("text") or row["question"])
    for file in test_files(train, "relevance"):
        questions = [row["q"] for row in rows(file)]
        messages += pick.sample(questions, min(len(questions), 200))
    system = plan_prompt(TEAM)
    write(
        out / "plans.jsonl.xz",
        ({"user": m, "system": system} for m in pick.sample(messages, PLANS)),
    )

    texts = []
    for file in sorted((train / "passages").glob("*.gz")):
        kept = [{"text": row["text"]} for row in rows(file) if is_kept(row["text"][:2400])]
        texts += pick.sample(kept, min(len(kept), PLAIN_TEXTS // 10))
    write(out / "plain.jsonl.xz", pick.sample(texts, PLAIN_TEXTS))


if __name__ == "__main__":
    main()
