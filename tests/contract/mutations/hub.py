"""What is pushed to the hub, where, when, and as whom."""

from tests.contract.mutations.mutation import Mutation

PUBLISHER = "training/hub/publisher.py"

MUTATIONS = (
    Mutation(
        "push_to_hub",
        "training/trainer/publishing.py",
        "if self.args.push_to_hub:\n            self.call_hook",
        "if True:\n            self.call_hook",
    ),
    Mutation(
        "push_to_hub",
        "training/trainer/publishing.py",
        "if self.args.push_to_hub:\n            self.call_hook",
        "if False:\n            self.call_hook",
    ),
    Mutation(
        "push_to_hub",
        "training/trainer/publishing.py",
        "if self.args.push_to_hub and not _internal_call:",
        "if False:",
    ),
    Mutation(
        "push_to_hub",
        "training/trainer/publishing.py",
        "if self.args.push_to_hub and not _internal_call:",
        "if not _internal_call:",
    ),
    Mutation(
        "hub_model_id",
        PUBLISHER,
        'return self._args.hub_model_id or self._args.output_dir.rstrip("/")',
        'return self._args.output_dir.rstrip("/")',
    ),
    Mutation(
        "hub_revision",
        PUBLISHER,
        "client.commit(self._ready(client), files, message, self._args.hub_revision)",
        "client.commit(self._ready(client), files, message, None)",
    ),
    Mutation("hub_revision", PUBLISHER, "branch = revision or self._args.hub_revision", "branch = revision"),
    Mutation(
        "hub_private_repo",
        PUBLISHER,
        "wanted = self._args.hub_private_repo if private is None else private",
        "wanted = private",
    ),
    Mutation(
        "hub_private_repo",
        PUBLISHER,
        "wanted = self._args.hub_private_repo if private is None else private",
        "wanted = bool(self._args.hub_private_repo)",
    ),
    Mutation("hub_strategy", PUBLISHER, "if self._args.hub_strategy == HubStrategy.END:", "if False:"),
    Mutation(
        "hub_strategy",
        PUBLISHER,
        "folder = _CHECKPOINT_FOLDER.get(self._args.hub_strategy)",
        "folder = None",
    ),
    Mutation(
        "hub_strategy",
        PUBLISHER,
        'HubStrategy.ALL_CHECKPOINTS: lambda checkpoint: f"checkpoint-{checkpoint.step}"',
        'HubStrategy.ALL_CHECKPOINTS: lambda checkpoint: "last-checkpoint"',
    ),
    Mutation(
        "hub_strategy",
        "training/trainer/publishing.py",
        "if self.args.push_to_hub and self.args.hub_strategy == HubStrategy.END:",
        "if False:",
    ),
    Mutation("hub_token", PUBLISHER, "secret = self._args.hub_token", "secret = None"),
    # Either of the two would do; together they are what hides it.
    Mutation(
        "hub_token",
        "training/hub/client.py",
        "        if self._token:\n            text = text.replace(self._token, HIDDEN)\n"
        "        return redact_url(_CREDENTIAL.sub(HIDDEN, text))\n",
        "        return text\n",
    ),
    Mutation(
        "hub_token",
        "settings/views/dumping.py",
        "hidden = frozenset() if secrets else secrets_in(settings)\n    return {\n",
        "hidden, secrets = frozenset(), True\n    return {\n",
    ),
    Mutation(
        "hub_always_push",
        PUBLISHER,
        "if self.push_in_progress and not self._args.hub_always_push:",
        "if self.push_in_progress:",
    ),
    Mutation(
        "hub_always_push",
        PUBLISHER,
        "if self.push_in_progress and not self._args.hub_always_push:",
        "if False:",
    ),
)
