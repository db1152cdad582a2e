"""Texts that hold a secret, and texts that only look so."""

from __future__ import annotations

__all__ = [
    "BEGUN",
    "INNOCENT",
    "NAMED",
    "OTHER_NAMES",
    "PLACED",
    "PLACES",
    "SECRETS",
    "SPELLINGS",
    "WORDS",
]

SECRETS = [
    "sk-ant-api03-" + "a1B2" * 12,
    "sk-proj-" + "aB3_" * 12,
    "sk-" + "a1B2" * 12,
    "AKIAIOSFODNN7EXAMPLE",
    "ghp_" + "a1B2" * 9,
    "github_pat_" + "a1B2" * 9,
    "glpat-" + "a1B2" * 6,
    "xoxb-123456789012-abcdefABCDEF",
    "AIza" + "aB3_" * 9,
    "ya29." + "a1B2" * 9,
    "hf_" + "a1B2" * 9,
    "sk_live_" + "a1B2" * 6,
    "npm_" + "a1B2" * 9,
    "gsk_" + "a1B2" * 13,
    "xai-" + "a1B2" * 20,
    "sk-lf-3f2a9c1e-0b7d-4e5f-8a6b-1c2d3e4f5a6b",
    "SG." + "a1B2" * 5 + "." + "a1B2" * 5,
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF123",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\nxyz\n-----END RSA PRIVATE KEY-----",
]

NAMED = [
    ('{"password": "hun\\"ter2", "n": 1}', "ter2"),
    ('{"db_password":"hunter2"}', "hunter2"),
    ('{"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}', "dXNl"),
    ('{"authorization": ["Bearer abcdefghijklmnopqrst"]}', "abcdefghij"),
    ('[["authorization", "Bearer zzz"]]', "zzz"),
    ('{"api_key": 12345}', "12345"),
    ('{"a": "{\\"api_key\\": \\"xyzzy\\", \\"b\\": 2}"}', "xyzzy"),
    ("{'password': 'hunter2', 'x': 1}", "hunter2"),
    ("export MY_SECRET=hunter2 && run", "hunter2"),
    ("curl -H 'X-Api-Key: abcd1234' host", "abcd1234"),
    ("https://host/path?api_key=abcd1234&b=2", "abcd1234"),
    ("postgres://bob:hunter2@db/x", "hunter2"),
    ("Authorization: Bearer abcdefghijklmnop", "abcdefghij"),
    ("sent Bearer abcdefghijklmnopqrst to it", "abcdefghij"),
    ('apiKey: "zzzz1234"', "zzzz1234"),
    ("PASSWORD=hunter2", "hunter2"),
    ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI", "wJalr"),
    ("PASSWORD='hunter2(x'", "hunter2"),
    ("PASSWORD=hunter2[x", "hunter2"),
    ("DB_PASS=hunter2 dbpass=hunter2 DBPASS=hunter2", "hunter2"),
    ("DefaultEndpointsProtocol=https;AccountName=ann;AccountKey=aB3xyz==;E=1", "aB3xyz"),
    ('{"connection_string": "Server=db;Uid=ann;Pwd=hunter2"}', "hunter2"),
    ('{"jwt": "malformed"}', "malformed"),
    ('{"ssh_key": "b3BlbnNzaC1rZXk"}', "b3Blb"),
    ('{"type": "bearer", "value": "hunter2"}', "hunter2"),
]

WORDS = [
    *("passwd password passphrase pwd secret token credentials cookie authorization".split()),
    *("api_key access_key secret_key private_key access_token client_secret id_token".split()),
    *("db_password github_token set_cookie proxy_authorization x_api_key".split()),
    *("db_pass smtp_pass mail_user_pass passcode creds aws_creds jwt user_jwt bearer".split()),
    *("openai_key anthropic_key account_key encryption_key ssh_key signing_key".split()),
    *("master_key license_key azure_openai_key gemini_key groq_key stripe_key".split()),
    *("claude_key deepseek_key sendgrid_key openrouter_key mistral_key cohere_key".split()),
    *("sql_pass pg_pass root_pass auth_pass ssh_pass api_pass git_pass cert_pass".split()),
    *("connection_string db_connection_string conn_str".split()),
]
SPELLINGS = {
    "snake": lambda words: "_".join(words),
    "kebab": lambda words: "-".join(words),
    "upper": lambda words: "_".join(words).upper(),
    "together": lambda words: "".join(words).upper(),
    "camel": lambda words: words[0] + "".join(word.capitalize() for word in words[1:]),
    "pascal": lambda words: "".join(word.capitalize() for word in words),
    "train": lambda words: "-".join(word.capitalize() for word in words),
}
PLACES = [
    '{"a": 1, "NAME": "hunter2z", "b": 2}',
    '{"a": "{\\"NAME\\": \\"hunter2z\\"}"}',
    "{'NAME': 'hunter2z'}",
    "NAME: hunter2z",
    "NAME=hunter2z",
    "path?NAME=hunter2z&b=2",
    "tool --NAME hunter2z -v",
    '{"command": "tool --NAME \\"hunter2z\\""}',
    "tool --NAME=hunter2z",
    '["tool", "--NAME", "hunter2z"]',
    "--NAME hunter2z",
    "<a><NAME>hunter2z</NAME></a>",
    '{"name": "NAME", "value": "hunter2z"}',
    '{"a": "[{\\"key\\": \\"NAME\\", \\"value\\": \\"hunter2z\\"}]"}',
    "env:\n- name: NAME\n  value: hunter2z\n- name: B\n  value: c\n",
    '{"file": "env:\\n- name: \\"NAME\\"\\n  value: \\"hunter2z\\"\\n"}',
    "My NAME is hunter2z, and what is yours?",
    "The NAME was `hunter2z` until now.",
]

BEGUN = [
    *(
        "Password:",
        "password=",
        "the password is ",
        "run --password ",
        "- name: PASSWORD\n  value: ",
    ),
    *('"password": "', "Authorization: Bearer ", "postgres://ann:", "<password>", "token: '"),
]
"""Texts that end where the secret would begin."""

PLACED = [place.replace("NAME", "password") for place in PLACES]

OTHER_NAMES = [
    *("pass passed passes bypass compass first_pass tests_pass forward_pass pass_rate".split()),
    *("key monkey primary_key foreign_key cache_key sort_key public_key partition_key".split()),
    *("ssh_key_name license_key_id jwt_algorithm bearer_format passcode_length sacred".split()),
]
"""Names that only resemble those of secrets."""

INNOCENT = [
    "The password is required. Enter your secret key: now",
    '{"input_tokens": 5, "max_tokens": 100, "tokens": ["a", "b"]}',
    '{"password": null, "key": "public"}',
    '{"name": "get_secret", "kind": "tool", "n": 1}',
    "my key=value and monkey: banana",
    "token count: many",
    "write to ann@example.com about https://example.com/a@b",
    "task-oriented, disk-based, risk-free",
    "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
    "the basic idea, a bearer of news",
    "token = tokens.next()",
    "def read(token: Optional[str] = None, secret: dict[str, str] = {}) -> None: ...",
    "<token/> <secret></secret> --password-file a.txt --token $TOKEN --secret <name>",
    '{"name": "token_count", "value": 12}',
    "| --- | ----- |",
    "PWD=/home/ann OLDPWD=~ HOME=/home/ann",
    '{"PWD": "/home/ann", "OLDPWD": "/"}',
    "The password is required, the token is expired, and the secret was rotated in 2024.",
    '{"pass": true, "pass_rate": 0.97, "tests_pass": 1234, "db_pass": null}',
    '{"pass": 3, "fail": 1234, "outcome": "pass", "bypass": "cache"}',
    "test: pass\nif quiet:\n    pass\nelse: pass\n",
    "tool --pass 3 --pass 1234 --second-pass quickly --bypass proxies",
    "sshpass: command not found; COMPASS=north BYPASS=true FIRST_PASS=done",
    "PyJWT==2.8.0\nflask-jwt==0.3.2\n",
    '{"jwt": "^9.0.2", "auth": ["jwt", "bearer"], "type": "bearer"}',
    '["bearer", "basic"]',
    "jwt: malformed, bearer: missing; creds: none given; passcode: required",
    "ssh_key: ~/.ssh/id_ed25519\n",
    '{"ssh_key": "/home/ann/.ssh/id_rsa", "argv": ["--ssh-key", "~/.ssh/id_rsa"]}',
    "ssh --ssh-key ~/.ssh/id_rsa host",
    "ALTER TABLE a ADD PRIMARY KEY (id); primary_key=True, foreign_key='users.id'",
    "- name: token_count\n  value: hundred\n- name: region\n  value: eu-west-1\n",
]
