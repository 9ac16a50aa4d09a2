"""Names of models, as providers, hosts and routers write them, and addresses of hosts lead to the row that each is under."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from proxy.settings.builtin import builtin_upstreams
from proxy.terms.catalog import Catalogue
from proxy.terms.globs import Globs
from tests.terms_checks import planted, shipped

NAMES = {
    "openai.api": "gpt-4o gpt-4.1-mini gpt-5 gpt-35-turbo chatgpt-4o-latest o1 o3-mini o4-mini text-embedding-3-small"
    " dall-e-3 gpt-image-1 whisper-1 tts-1-hd ft:gpt-4o-mini-2024-07-18:acme::x omni-moderation-latest openai/gpt-4o"
    " openai/o3 davinci-002 azure/gpt-4o",
    "anthropic.api": "claude-opus-4-1 claude-3-5-sonnet-latest claude-sonnet-4@20250514 anthropic/claude-sonnet-4.5"
    " anthropic.claude-3-5-sonnet-20241022-v2:0 us.anthropic.claude-sonnet-4-20250514-v1:0 global.anthropic.claude-opus-4-5-v1:0",
    "gemini.api": "gemini-2.5-pro models/gemini-2.5-flash google/gemini-2.5-pro gemini-embedding-001 text-embedding-004"
    " imagen-4.0-generate-001 publishers/google/models/gemini-2.5-pro veo-3.0-generate-preview",
    "xai.api": "grok-4 grok-3-mini x-ai/grok-4 xai/grok-4 grok-2-1212",
    "licence.xai-community": "xai-org/grok-2",
    "deepseek.api": "deepseek-chat deepseek-reasoner",
    "licence.mit": "deepseek-ai/DeepSeek-R1 deepseek-r1:671b deepseek/deepseek-r1 deepseek.r1-v1:0 deepseek-ai/DeepSeek-V3.1"
    " accounts/fireworks/models/deepseek-v3p1 deepseek/deepseek-chat-v3-0324 deepseek-v4-pro zai-org/GLM-4.6 z-ai/glm-4.5-air glm-5"
    " glm-5.2 glm-5.3-flash",
    "licence.deepseek-1.0": "deepseek-ai/DeepSeek-V3 deepseek-ai/deepseek-coder-33b-instruct deepseek-v2 deepseek/deepseek-chat",
    "licence.apache-2.0": "gpt-oss-120b openai/gpt-oss-20b openai.gpt-oss-120b-1:0 gpt-oss:20b google/gemma-4-31b gemma4:12b"
    " Qwen/Qwen2.5-7B-Instruct qwen/qwen3-32b qwen3:8b Qwen/QwQ-32B qwen.qwen3-32b-v1:0 deepseek-r1-distill-qwen-32b"
    " mistralai/Mistral-7B-Instruct-v0.3 mixtral-8x7b-32768 open-mistral-nemo mistral:7b mistralai/Magistral-Small-2506",
    "licence.llama-2": "meta-llama/Llama-2-70b-chat-hf llama2:13b codellama/CodeLlama-34b-Instruct-hf",
    "licence.llama-3": "meta-llama/Meta-Llama-3-8B-Instruct llama3-70b-8192 meta.llama3-70b-instruct-v1:0 llama3 llama3:8b",
    "licence.llama-3.1": "meta-llama/Llama-3.1-8B-Instruct meta-llama/Meta-Llama-3.1-405B-Instruct-Turbo"
    " llama-3.1-8b-instant llama3.1:70b us.meta.llama3-1-70b-instruct-v1:0"
    " accounts/fireworks/models/llama-v3p1-8b-instruct nvidia/llama-3.1-nemotron-70b-instruct",
    "licence.llama-3.2": "llama3.2 us.meta.llama3-2-90b-instruct-v1:0 meta-llama/Llama-3.2-3B-Instruct",
    "licence.llama-3.3": "llama-3.3-70b-versatile us.meta.llama3-3-70b-instruct-v1:0 deepseek-r1-distill-llama-70b"
    " nvidia/llama-3.3-nemotron-super-49b-v1",
    "licence.llama-4": "meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8 us.meta.llama4-scout-17b-instruct-v1:0"
    " meta-llama/llama-4-scout",
    "licence.gemma": "gemma2-9b-it google/gemma-3-27b-it gemma3:4b google.gemma-3-12b-it models/gemma-3-27b-it",
    "licence.qwen": "Qwen/Qwen2.5-72B-Instruct qwen2.5:72b qwen/qwen-2.5-72b-instruct",
    "licence.qwen-research": "Qwen/Qwen2.5-3B-Instruct qwen2.5:3b",
    "licence.tongyi-qianwen": "Qwen/Qwen-72B-Chat Qwen/Qwen1.5-110B-Chat Qwen/Qwen2-72B-Instruct",
    "licence.qwen-community": "Qwen/Qwen4-235B",
    "alibaba.model_studio": "qwen-max qwen-plus-latest qwen3-max qwen3-coder-plus qwen3.5-plus qwen/qwen-max text-embedding-v4",
    "licence.kimi-k2": "moonshotai/Kimi-K2-Instruct kimi-k2-0905-preview moonshotai/kimi-k2.5",
    "licence.kimi-k3": "kimi-k3 moonshotai/Kimi-K3",
    "moonshot.api": "kimi-latest moonshot-v1-128k kimi-for-coding",
    "licence.glm-5.3": "glm-5.3 zai-org/GLM-5.3",
    "bigmodel.api": "glm-4-plus cogview-4",
    "licence.minimax-community": "MiniMax-M3 minimax/minimax-m3",
    "minimax.api": "MiniMax-M2 minimax/minimax-01 abab6.5s-chat",
    "licence.nvidia-oml": "nvidia/nemotron-4-340b-instruct",
    "licence.nvidia-nemotron": "nvidia/nemotron-3-nano-30b-a3b",
    "aws.bedrock": "amazon.nova-pro-v1:0 us.amazon.nova-lite-v1:0 amazon.titan-embed-text-v2:0 amazon/nova-pro-v1",
    "mistral.api": "mistral-large-latest mistral-small-latest mistral-embed codestral-latest ministral-8b-latest"
    " pixtral-large-latest mistralai/mistral-medium-3 mistral.mistral-large-2402-v1:0",
    "mistral.image": "mistral-image-latest",
    "licence.mrl-0.1": "mistralai/Mistral-Large-Instruct-2407 mistralai/Ministral-8B-Instruct-2410",
    "licence.mnpl-0.1": "mistralai/Codestral-22B-v0.1",
    "cohere.api": "command-r-plus command-a-03-2025 cohere/command-r cohere.command-r-v1:0 embed-v4.0 rerank-v3.5",
    "licence.cc-by-nc-4.0": "CohereForAI/c4ai-command-r-v01 CohereLabs/c4ai-command-a-03-2025 command-r:35b",
    "perplexity.api": "sonar sonar-pro perplexity/sonar-deep-research",
    "ai21.api": "jamba-large ai21.jamba-1-5-large-v1:0",
    "licence.phi-mit": "microsoft/Phi-4 phi4:14b phi-3-mini",
    "licence.granite-apache-2.0": "ibm-granite/granite-3.3-8b-instruct granite3.3:8b",
    "licence.exaone-1.1-nc": "LGAI-EXAONE/EXAONE-3.5-32B-Instruct",
    "licence.hunyuan-3d-2.0": "tencent/Hunyuan3D-2",
    "licence.stability-community": "stabilityai/stable-diffusion-3.5-large stability.sd3-5-large-v1:0",
    "black_forest_labs.outputs": "black-forest-labs/FLUX.1-dev flux-pro-1.1",
    "ideogram.outputs": "ideogram-ai/ideogram-v3-turbo",
    "": "somebody/model nomic-embed-text EleutherAI/gpt-neox-20b",
}


def led(catalogue: Catalogue, row: str) -> dict[str, str]:
    """Names that ought to lead to a row, and where they do lead."""
    globs = Globs([(glob, line.row) for line in catalogue.models for glob in line.glob])
    return {name: globs.first(name) for name in NAMES[row].split()}


@pytest.mark.parametrize("row", NAMES, ids=lambda row: row or "none")
def test_a_name_leads_to_its_row(row: str) -> None:
    """With or without a provider's name before it, in any case; a name that nobody knows leads to no row."""
    found = led(shipped(), row)
    assert found == dict.fromkeys(found, row)


def test_a_glob_that_is_too_narrow_shows(tmp_path: Path) -> None:
    """Open weights that fall to the family behind them are under the terms of an API, which the names tell."""
    changed = planted(tmp_path, "models.yaml", '"*gpt-oss*"', '"gpt-oss*"')
    assert led(changed, "licence.apache-2.0")["openai/gpt-oss-20b"] == "openai.api"


def test_every_licence_has_a_model() -> None:
    """Rows of weights that no name leads to are those that only a configuration can name."""
    named = {line.row for line in shipped().models}
    assert set(shipped().licences) - named == {"licence.openmdw-1.0", "licence.openmdw-1.1"}


HOSTS = {
    "azure.openai": "acme.openai.azure.com acme.services.ai.azure.com",
    "aws.bedrock": "bedrock-runtime.eu-west-1.amazonaws.com bedrock-runtime-fips.us-east-1.amazonaws.com",
    "google.vertex": "europe-west4-aiplatform.googleapis.com aiplatform.googleapis.com",
    "openai.api": "eu.api.openai.com",
    "openai.consumer": "chatgpt.com",
    "moonshot.kimi_code": "api.kimi.com",
    "moonshot.api": "api.moonshot.cn",
    "": "models.acme.example",
}
PLANS = (
    ("openai.api", "oauth_subscription", "openai.consumer"),
    ("anthropic.api", "oauth_subscription", "anthropic.consumer"),
    ("moonshot.api", "coding_plan", "moonshot.kimi_code"),
    ("zai.api", "coding_plan", "zai.coding_plan"),
    ("bigmodel.api", "coding_plan", "zai.coding_plan"),
)


def test_a_host_leads_to_its_contract() -> None:
    """Built-in upstreams are under the contract of their name; others are known by their host, strangers are not."""
    globs = Globs([(host, name) for name, row in shipped().contracts.items() for host in row.spec.hosts])
    wanted = {host: row for row, hosts in HOSTS.items() for host in hosts.split()}
    wanted |= {urlsplit(each["base_url"]).hostname or "": f"{name}.api" for name, each in builtin_upstreams().items()}
    assert {host: globs.first(host) for host in wanted} == wanted


@pytest.mark.parametrize(("row", "plan", "holds"), PLANS)
def test_a_plan_has_terms_of_its_own(row: str, plan: str, holds: str) -> None:
    """A subscription's credential is under the terms of the subscription, wherever it is used."""
    assert {str(name): other for name, other in shipped().contracts[row].spec.plans.items()}[plan] == holds
