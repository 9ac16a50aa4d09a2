"""What was read of providers' terms on 2026-11-22, transcribed by hand: the shipped data are held against it.

A cell: `A` allow, `O` allowed with obligations, `R` review, `F` forbid, `m` left to the model's own row, `-` not offered. After it,
`s`: nothing was found that bars it; `e`: expressly allowed. `X/Y`: Y where attributes are unfavourable; `?/Y`: only Y was read.
"""

from __future__ import annotations

DAY = "2026-11-22"
PURPOSES = (
    "eval.private",
    "eval.published",
    "train.classifier_internal",
    "train.narrow_distributed",
    "train.general",
    "train.provider_native",
    "data.publish",
    "security.provider",
    "resale.passthrough",
)

MATRIX = """
openai.api             | As | As | O   | R | F  | Ae | R   | F | F
openai.consumer        | F  | R  | F   | F | F  | -  | F   | F | F
anthropic.api          | As | As | O   | R | F  | R  | R/F | R | F
anthropic.consumer     | R/F| R  | F   | F | F  | -  | F   | F | F
gemini.api             | As | As | As  | R | F  | R  | R   | F | R
gemini.api_free        | As | As | As  | R | F  | R  | R   | F | R
google.consumer        | As | R  | F   | F | F  | -  | F   | F | F
google.vertex          | As | O  | R   | R | R/F| R  | R   | F | F
aws.bedrock            | As | R  | F   | F | F  | Ae | F   | F | R
azure.openai           | As | R  | R   | R | R  | R  | R   | F | R
microsoft.consumer     | R  | R  | F   | F | F  | -  | F   | F | F
xai.api                | As | As | R   | R | F  | R  | F   | F | F
mistral.api            | As | As | As  | As| As | A  | As  | F | R
deepseek.api           | Ae | Ae | Ae  | O | Ae | -  | O   | F | R
qwen.chat              | R  | R  | F   | F | F  | -  | F   | F | F
alibaba.model_studio   | R  | R  | R   | R | F  | R  | R   | F | R
moonshot.api           | As | As | R   | R | F  | R  | R   | F | F
moonshot.kimi_code     | F  | F  | F   | F | F  | -  | F   | F | F
zai.coding_plan        | F  | F  | F   | F | F  | -  | F   | F | F
zai.api                | R  | R  | R   | R | F  | R  | R   | F | R
bigmodel.api           | R  | R  | F   | F | F  | R  | F   | F | R
meta.model_api         | Ae | O/F| As  | R | F  | R  | F   | F | R
perplexity.api         | As | R  | R   | F | F  | -  | R   | F | F
openrouter.api         | m  | m  | m   | m | m  | -  | m   | F | F
together.api           | R  | F  | m   | m | m  | A  | m   | F | F
fireworks.api          | R  | F  | m   | m | m  | A  | m   | F | F
groq.api               | As | R  | m   | m | m  | -  | m   | R | F
replicate.api          | As | As | m   | m | m  | A  | m   | F | F
huggingface.inference  | As | As | m   | m | m  | A  | m   | R | R
cohere.api             | R  | R  | R   | R | R/F| R  | R   | R | R
ai21.api               | R  | R  | R   | R | R/F| R  | R   | R | R
minimax.api            | R  | R  | R   | R | R/F| R  | R   | R | R
licence.apache-2.0     | A  | A  | As  | As| As | A  | As  | A | A
licence.mit            | A  | A  | As  | As| As | A  | As  | A | A
licence.openmdw-1.0    | A  | A  | Ae  | Ae| Ae | A  | Ae  | A | A
licence.openmdw-1.1    | A  | A  | Ae  | Ae| Ae | A  | Ae  | A | A
licence.llama-2        | A  | A  | As  | R | F  | A  | R   | A | O
licence.llama-3        | A  | A  | As  | R | F  | A  | R   | A | O
licence.llama-3.1      | A  | A  | A   | O | O  | O  | O   | A | O
licence.llama-3.2      | A  | A  | A   | O | O  | O  | O   | A | O
licence.llama-3.3      | A  | A  | A   | O | O  | O  | O   | A | O
licence.llama-4        | A  | A  | A   | O | O  | O  | O   | A | O
licence.gemma          | A  | A  | O   | O | O  | O  | A   | O | O
licence.qwen           | A  | A  | A   | O | O  | O  | O   | A | O
licence.tongyi-qianwen | A  | A  | As  | R | F  | A  | R   | A | O
licence.deepseek-1.0   | A  | A  | O   | O | O  | O  | A   | A | O
licence.nvidia-oml     | A  | A  | A   | A | A  | O  | A   | R | O
licence.nvidia-oml-cosmos | A | A | O  | O | O  | O  | A   | R | O
licence.kimi-k2        | A  | A  | As  | R | R  | O  | R   | A | O/R
licence.kimi-k3        | A  | A  | As  | R | R  | O  | R   | A | O/R
licence.glm-5.3        | A  | A  | As  | R | R  | O  | R   | A | O/R
licence.qwen-community | A  | A  | As  | R | R  | O  | R   | A | O/R
licence.minimax-community | A | A | As | R | R  | O  | R   | A | O/R
licence.mrl-0.1        | O  | O  | R/F | F | ?/F| ?/F| R   | O | F
licence.mnpl-0.1       | O  | O  | R/F | F | ?/F| ?/F| R   | O | F
licence.qwen-research  | O  | O  | R/F | F | ?/F| ?/F| R   | O | F
licence.cc-by-nc-4.0   | O  | O  | R/F | F | ?/F| ?/F| R   | O | F
licence.exaone-1.1-nc  | O  | O  | F   | F | F  | F  | R   | O | F
licence.hunyuan-3d-2.0 | O  | O  | F   | F | F  | F  | R   | O | F
"""

OTHER_CELLS = (
    ("meta.model_api", "2026-07-07", "A | A | A | O | O | Ae | O | F | R"),  # the Llama API, as it was called
    ("mistral.image", DAY, "A | A | A | ? | F | ? | ? | F | R"),  # image output
    ("black_forest_labs.outputs", DAY, "? | ? | F | ? | ? | ? | ? | ? | ?"),  # Replicate's line on two families
    ("ideogram.outputs", DAY, "? | ? | F | ? | ? | ? | ? | ? | ?"),
)

EXCEPTIONS = {
    ("google.vertex", "train.general"): "R: the section was not seen, a bar is only remembered",
    ("cohere.api", "train.general"): "R: only the head of the agreement was seen",
    ("ai21.api", "train.general"): "R: two reports contradict each other",
    ("minimax.api", "train.general"): "R: the platform's terms were not seen",
    (
        "fireworks.api",
        "train.classifier_internal",
    ): "R: 2.2(c) of the stored text bars training with content reached by the service",
    ("fireworks.api", "train.narrow_distributed"): "R: the same",
    ("fireworks.api", "train.general"): "R: the same",
    ("fireworks.api", "data.publish"): "R: the same",
    ("licence.cc-by-nc-4.0", "eval.private"): "R: remembered only, and such a clause never gives better",
    ("licence.cc-by-nc-4.0", "eval.published"): "R: the same",
    ("licence.cc-by-nc-4.0", "security.provider"): "R: the same",
}
"""Where the data say something else than the line of the matrix: what, and why."""

MORE_ROWS = {
    "self_hosted": "no host: the weights' licence says everything",
    "deepseek.consumer": "read among the documents, not in the matrix",
    "moonshot.consumer": "read among the documents, not in the matrix",
    "xai.consumer": "read among the dated changes, not in the matrix",
    "nvidia.trial": "read among the documents, not in the matrix; not seen itself",
    "licence.xai-community": "read among the licences, not in the matrix",
    "licence.stability-community": "read among the licences, not in the matrix",
    "licence.nvidia-nemotron": "read among the licences, not in the matrix",
    "licence.phi-mit": "that Phi is under MIT is remembered",
    "licence.granite-apache-2.0": "that Granite is under Apache-2.0 is remembered",
}
"""Rows that are not lines of the matrix, and where they come from."""

FAVOURABLE = {
    "distributed": "false",
    "competes": "false",
    "commercial": "false",
    "automated": "false",
    "markets_competitor": "false",
    "above_threshold": "false",
}
"""Every attribute that a cell may ask for, with the value that lets most through."""


DOCUMENTS = """
openai.services_agreement 2025-05-31 S
openai.services_agreement 2026-01-01 S
openai.terms_of_use 2023-03-14 S
openai.terms_of_use 2023-12-14 S
openai.terms_of_use 2026-01-16 S
openai.developer_terms 2025-12-17 S
openai.developer_terms 2026-07-09 S
openai.usage_policies 2025-10-29 -
anthropic.commercial_terms 2025-06-17 S
anthropic.aup 2024-06-06 S
anthropic.aup 2025-09-15 S
anthropic.help_12326764 2026-11-22 S
anthropic.consumer_terms 2025-10-08 S
gemini.additional_terms 2024-02-15 S
gemini.additional_terms 2024-10-31 S
gemini.additional_terms 2025-05-20 S
gemini.additional_terms 2026-03-23 S2
google.genai_additional_terms 2023-08-09 S
google.terms_of_service 2024-05-22 S
google.terms_of_service 2026-07-30 S
google.prohibited_use 2023-03-14 -
google.prohibited_use 2024-12-17 -
google.cloud_platform_terms 2026-06-23 S
google.cloud_service_terms 2026-06-10 M
aws.service_terms 2026-01-10 S
aws.service_terms 2026-01-23 S
aws.service_terms 2026-08-20 S
microsoft.services_agreement 2023-09-30 S
microsoft.services_agreement 2025-09-30 S
microsoft.product_terms 2026-11-22 M
xai.enterprise_terms 2026-05-12 S
xai.enterprise_terms 2026-08-14 S
xai.aup 2025-01-02 -
xai.aup 2026-06-26 S
xai.aup 2026-08-14 S
xai.terms_of_service 2026-04-10 S
xai.terms_of_service 2026-06-26 -
mistral.terms_of_use 2024-02-08 S
mistral.terms_of_use 2024-02-27 -
mistral.commercial_terms 2025-05-27 S
mistral.commercial_terms 2026-08-05 S
deepseek.platform_terms 2025-01-20 S
deepseek.platform_terms 2026-04-29 S
deepseek.terms_of_use 2026-03-27 S2
qwen.chat_terms 2026-05-19 S
alibaba.product_terms 2026-10-09 M
moonshot.openplatform_terms 2026-07-30 S2
moonshot.kimi_terms 2024-01-05 S
moonshot.kimi_code_guidelines 2026-08-04 S2
zai.terms_of_use 2026-04-14 M
zhipu.bigmodel_agreement 2026-09-04 S2
zai.coding_plan_terms 2026-08-04 S2
minimax.terms 2026-04-15 M
meta.hosted_api_terms 2025-04-29 S
meta.hosted_api_terms 2026-07-08 S
perplexity.api_terms 2026-01-23 S
perplexity.aup 2025-07-08 S
groq.services_agreement 2026-06-22 M
together.terms 2026-05-19 S
fireworks.terms 2025-03-25 S
replicate.terms 2026-04-01 S
replicate.bfl_addon 2026-04-01 S
replicate.ideogram_addon 2026-04-01 S
openrouter.terms 2026-05-06 S
huggingface.terms 2022-09-15 M
cohere.saas_agreement 2024-02-29 M
ai21.terms 2026-11-22 S2
nvidia.trial_terms 2026-11-22 M
llama-2 2023-07-18 S
llama-3 2024-04-18 S
llama-3.1 2024-07-23 S
llama-3.2 2024-09-25 S
llama-3.3 2024-12-06 S
llama-4 2025-04-05 S
gemma 2024-04-01 S
gemma 2025-03-24 S
apache-2.0 2004-01-01 S2
mit 1987-01-01 S2
phi-mit 2026-11-22 M
granite-apache-2.0 2026-11-22 M
openmdw-1.0 2025-07-01 S
openmdw-1.1 2026-05-28 S2
nvidia-oml 2025-04-28 S
nvidia-oml 2025-10-24 S
nvidia-nemotron 2026-03-01 S2
deepseek-1.0 2023-10-23 S
tongyi-qianwen 2023-08-03 M
qwen 2024-09-19 S
qwen-research 2024-09-19 S
qwen-community 2026-08-01 S2
kimi-k2 2025-07-11 S
kimi-k3 2026-07-01 S
minimax-community 2026-06-01 S2
glm-5.3 2026-08-28 S2
xai-community 2025-11-04 M
exaone-1.1-nc 2024-12-09 S
hunyuan-3d-2.0 2025-01-21 S
stability-community 2024-07-05 M
mrl-0.1 2024-07-24 M
mnpl-0.1 2024-05-29 M
cc-by-nc-4.0 2013-11-25 M
"""
"""Every text, the day it takes effect, and how the least sure of its clauses was read: `S` primary text, `S2` second-hand,
`M` remembered, `-` there is no clause that counts."""

FINGERPRINTS = """
openai.services.3.3e                    0d33d1c   8ea42466a5147082
openai.services.17.permitted_exception  0d33d1c   ee27075c5e0d0041
openai.tou_eu.compete                   7fdca3a   eb9d00b14e5be49e
anthropic.commercial.D4                 8172784   b1747bdba25ef729
anthropic.consumer.3.2                  8151ab2   7bc9bb26c128f8de
anthropic.aup.distillation              f150e0e   5e329ba9c1c21ffb
google.tos.ai_content                   760d84a   3e250993e2d89d46
aws.50.5                                48abc9a7a 98a366f6a2811871
aws.50.11                               48abc9a7a 9e741c5bbfb62ea5
microsoft.msa.ai.iv                     5a05cc779 ebf9cb770ea44dff
xai.aup.compete                         56a0225   637faa3bbfc38970
xai.aup.distill                         56a0225   cac12917b36c177b
mistral.commercial.3.3                  246cd84   a0e3481d852d1509
deepseek.platform.4.2                   a916ac6   37c9da8614195e85
qwen.chat.2e                            a73643f   7bfa60f57dbd5b9c
perplexity.aup.3.2                      588bd7e   1313a33a483936a9
perplexity.aup.3.5                      588bd7e   afdf8ec9875c7c48
openrouter.5.1                          8c17a50   f0e851ad0e770b2d
openrouter.5.9                          8c17a50   e4cea2a29c9b1dcd
together.4.3c                           a9efaad   80244d8e5b61a4ac
fireworks.2.2.i                         4468e70   8aa14211d0bf1290
"""
"""Clause, commit of the copy, and the first 16 hex digits of the SHA-256 of the line that holds it, in the newest text."""
