"""A small template with every kind of question and layer, for tests of the tools themselves."""

from __future__ import annotations

from pathlib import Path

COPIER_YML = """\
_subdirectory: template
_envops: {undefined: jinja2.StrictUndefined, line_statement_prefix: "//%", trim_blocks: true, lstrip_blocks: true}
---
project_name: {type: str}
module_path: {type: str}
description: {type: str}
owner: {type: str}
framework: {type: str, choices: [fiber, echo], default: fiber}
orm: {type: str, choices: [ent, pgx], default: ent}
cache: {type: str, choices: [redis, memory, tiered, none], default: redis}
auth: {type: str, choices: {JSON web tokens: jwt, None: none}, default: jwt}
observability: {type: str, multiselect: true, choices: [tracing, metrics], default: [tracing, metrics]}
billing: {type: bool, default: true}
licence: {type: str, choices: [MIT, BSD], default: MIT}
core: {type: str, when: false, default: "."}
fiber: {type: str, when: false, default: "{{ '.' if framework == 'fiber' else '' }}"}
echo: {type: str, when: false, default: "{{ '.' if framework == 'echo' else '' }}"}
ent: {type: str, when: false, default: "{{ '.' if orm == 'ent' else '' }}"}
pgx: {type: str, when: false, default: "{{ '.' if orm == 'pgx' else '' }}"}
cached: {type: str, when: false, default: "{{ '.' if cache != 'none' else '' }}"}
redis: {type: str, when: false, default: "{{ '.' if cache in ['redis', 'tiered'] else '' }}"}
memory: {type: str, when: false, default: "{{ '.' if cache in ['memory', 'tiered'] else '' }}"}
tiered: {type: str, when: false, default: "{{ '.' if cache == 'tiered' else '' }}"}
jwt: {type: str, when: false, default: "{{ '.' if auth == 'jwt' else '' }}"}
ent_jwt: {type: str, when: false, default: "{{ '.' if ent and jwt else '' }}"}
tracing: {type: str, when: false, default: "{{ '.' if 'tracing' in observability else '' }}"}
metrics: {type: str, when: false, default: "{{ '.' if 'metrics' in observability else '' }}"}
billed: {type: str, when: false, default: "{{ '.' if billing else '' }}"}
"""


def make_template(root: Path, layers: str, files: dict[str, str] | None = None) -> Path:
    """Write a repository with the layers (names, separated by spaces), a file in each, and other files."""
    texts = {"copier.yml": COPIER_YML, "questions/.keep": "", "extensions/.keep": "", **(files or {})}
    texts |= {f"template/{{{{{layer}}}}}/{layer}.txt": f"{layer}\n" for layer in layers.split()}
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")
    return root
