"""What several processes do, and what is refused."""

from tests.contract.mutations.mutation import Mutation, without

DDP = "training/parallel/ddp.py"
JOINING = "training/parallel/contact/joining.py"
NEEDS = "training/parallel/contact/launch_needs.py"

MUTATIONS = (
    Mutation(
        "local_rank",
        "settings/arguments/process_view.py",
        "self._args.local_rank if told is None",
        "-1 if told is None",
    ),
    Mutation("local_rank", "settings/arguments/process_view.py", "told = _launch().local_rank", "told = None"),
    Mutation("local_rank", NEEDS, "args.local_rank not in (-1, launch.local_rank)", "False"),
    Mutation("ddp_backend", JOINING, "str(args.ddp_backend or ", "str("),
    Mutation("ddp_backend", NEEDS, "if not _is_there(backend):", "if False:"),
    Mutation("ddp_timeout", JOINING, "seconds=args.ddp_timeout", "seconds=1800"),
    Mutation("ddp_timeout", JOINING, "seconds=args.ddp_timeout", "seconds=1"),
    without("ddp_find_unused_parameters", DDP, '        "find_unused_parameters": args.ddp_find_unused_parameters,\n'),
    Mutation("ddp_find_unused_parameters", DDP, "= False, not everywhere", "= False, False"),
    Mutation("ddp_find_unused_parameters", DDP, "= False, not everywhere", "= False, True"),
    without("ddp_bucket_cap_mb", DDP, '        "bucket_cap_mb": args.ddp_bucket_cap_mb,\n'),
    without("ddp_broadcast_buffers", DDP, "        _BUFFERS: args.ddp_broadcast_buffers,\n"),
    Mutation("ddp_broadcast_buffers", DDP, "if self._settings.get(_BUFFERS, True):", "if True:"),
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
        "max(self._own, 1) * int(said[1])",
        "max(self._own, 1)",
    ),
)
