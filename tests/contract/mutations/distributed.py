"""What is refused, or noted, where a run has one process."""

from tests.contract.mutations.mutation import Mutation, without

SUPPORT = "training/preflight/support.py"

MUTATIONS = (
    Mutation(
        "local_rank",
        "settings/arguments/process_view.py",
        "self._args.local_rank if told is None",
        "-1 if told is None",
    ),
    Mutation("local_rank", "settings/arguments/process_view.py", "told = _launch().local_rank", "told = None"),
    Mutation("local_rank", "training/preflight/job_needs.py", "if machine.world_size > 1:", "if False:"),
    without("ddp_backend", SUPPORT, '    "ddp_backend": None,\n'),
    without("ddp_find_unused_parameters", SUPPORT, '    "ddp_find_unused_parameters": None,\n'),
    without("ddp_bucket_cap_mb", SUPPORT, '    "ddp_bucket_cap_mb": None,\n'),
    without("ddp_broadcast_buffers", SUPPORT, '    "ddp_broadcast_buffers": None,\n'),
    without("ddp_static_graph", SUPPORT, '    "ddp_static_graph": None,\n'),
    without("ddp_timeout", SUPPORT, '    "ddp_timeout": 1800,\n'),
    Mutation("ddp_timeout", SUPPORT, '"ddp_timeout": 1800,', '"ddp_timeout": 3600,'),
    without("eval_use_gather_object", SUPPORT, '    "eval_use_gather_object": False,\n'),
    without("average_tokens_across_devices", SUPPORT, '    "average_tokens_across_devices": True,\n'),
    without("fsdp", SUPPORT, '    Gap("fsdp", (False, None, ""), "sharding with FSDP", ("fsdp_config",)),\n'),
    Mutation("fsdp_config", SUPPORT, ', ("fsdp_config",)),', "),"),
    without("accelerator_config", SUPPORT, '    Gap("accelerator_config", (None,), "dealing batches to processes"),\n'),
    without("parallelism_config", SUPPORT, '    Gap("parallelism_config", (None,), "device meshes"),\n'),
)
