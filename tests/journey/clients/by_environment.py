"""SDKs that are told of their base URL by a variable alone: `PROGRAM VARIABLE` asks once, by the SDK whose variable it is."""

from __future__ import annotations

import os
import sys
from typing import Any

KEY = "sk-journey-guide"
ASKED: dict[str, Any] = {"model": "model-1", "messages": [{"role": "user", "content": "hello"}]}


def _openai() -> Any:
    import openai

    return openai.OpenAI(api_key=KEY).chat.completions.create(**ASKED)


def _azure() -> Any:
    import openai

    return openai.AzureOpenAI(api_key=KEY, api_version="2025-04-01-preview").chat.completions.create(**ASKED)


def _anthropic() -> Any:
    import anthropic

    return anthropic.Anthropic(api_key=KEY).messages.create(max_tokens=9, **ASKED)


def _gemini() -> Any:
    from google import genai

    client = genai.Client(api_key=KEY)
    return client.models.generate_content(model="model-1", contents="hello")


def _groq() -> Any:
    import groq

    return groq.Groq(api_key=KEY).chat.completions.create(**ASKED)


def _together() -> Any:
    import together

    return together.Together(api_key=KEY).chat.completions.create(**ASKED)


def _perplexity() -> Any:
    import perplexity

    return perplexity.Perplexity(api_key=KEY).chat.completions.create(**ASKED)


def _cohere() -> Any:
    import cohere

    return cohere.ClientV2(api_key=KEY).rerank(model="model-1", query="which", documents=["one", "two"])


def _ollama() -> Any:
    import ollama

    return ollama.chat(**ASKED)


BY_VARIABLE = {
    "OPENAI_BASE_URL": _openai,
    "AZURE_OPENAI_ENDPOINT": _azure,
    "ANTHROPIC_BASE_URL": _anthropic,
    "GOOGLE_GEMINI_BASE_URL": _gemini,
    "GROQ_BASE_URL": _groq,
    "TOGETHER_BASE_URL": _together,
    "PERPLEXITY_BASE_URL": _perplexity,
    "CO_API_URL": _cohere,
    "OLLAMA_HOST": _ollama,
}

if __name__ == "__main__":
    assert sys.argv[1] in os.environ
    BY_VARIABLE[sys.argv[1]]()
