"""What several processes do, and what is refused."""

from tests.contract.mutations.mutation import Mutation, without

DDP = "training/parallel/ddp.py"
SUPPORT = "training/preflight/support.py"

MUTATIONS = (
    Mutation(
        "local_rank",
        "settings/arguments/process_view.py",
        "self._args.local_rank if told is None",
        "-1 if told is None",
    ),
    Mutation("local_rank", "settings/arguments/process_view.py", "told = _launch().local_rank", "told = None"),
    Mutation("ddp_find_unused_parameters", DDP, '"find_unused_parameters": looks', '"find_unused_parameters": None'),
    Mutation("ddp_find_unused_parameters", DDP, "looks = not (args.gradient_checkpointing or", "looks = not (False or"),
    Mutation("ddp_find_unused_parameters", DDP, "if looks is None:", "if True:"),
    without("ddp_bucket_cap_mb", DDP, '        "bucket_cap_mb": args.ddp_bucket_cap_mb,\n'),
    without("ddp_broadcast_buffers", DDP, "        _BUFFERS: args.ddp_broadcast_buffers,\n"),
    without("ddp_static_graph", DDP, '        "static_graph": args.ddp_static_graph,\n'),
    Mutation(
        "ddp_static_graph", DDP, "self._each_pass = said or bool(args.ddp_static_graph)", "self._each_pass = said"
    ),
    Mutation(
        "average_tokens_across_devices",
        "training/run/loop.py",
        "across=self._args.average_tokens_across_devices",
        "across=True",
    ),
    Mutation(
        "average_tokens_across_devices",
        "training/parallel/windows.py",
        "own * active",
        "own",
    ),
    without("eval_use_gather_object", SUPPORT, '    "eval_use_gather_object": False,\n'),
    without("deepspeed", SUPPORT, '    Gap("deepspeed", (None,), "DeepSpeed"),\n'),
    without("accelerator_config", SUPPORT, '    Gap("accelerator_config", (None,), "dealing batches to processes"),\n'),
)
