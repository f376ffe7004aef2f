"""Import once what the tests import, which compiles it.

pip compiles all or nothing, and most of what it installs is never imported. Without this, each of many processes that
start at the same time would compile the same modules.
"""

import contextlib
import importlib

WANTED = (
    "torch.distributed.tensor",
    "torch.distributed.fsdp",
    "torch.distributed.checkpoint",
    "torch._dynamo",
    "transformers.trainer",
    "transformers.models.gpt2.modeling_gpt2",
    "transformers.models.llama.modeling_llama",
    "transformers.models.mixtral.modeling_mixtral",
    "peft",
    "datasets",
    "deepspeed",
    "sklearn.datasets",
    "matplotlib.pyplot",
    "tensorboard",
    "wandb",
    "trackio",
    "optuna",
    "boto3",
    "s3fs",
    "moto.server",
    "google.cloud.secretmanager",
    "azure.keyvault.secrets",
    "IPython",
    "pytest",
    "hypothesis",
    "jsonschema",
    "fastapi",
    "trainspec.cli",
    "trainspec.training.command.train",
)

for name in WANTED:
    # Whoever needs it says that it is missing.
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
