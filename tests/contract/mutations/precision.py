"""Number formats, devices, and random numbers."""

from tests.contract.mutations.mutation import Mutation, without

FORMATS = (
    Mutation("bf16", "training/precision/precision.py", "    if args.bf16:\n", "    if False:\n"),
    Mutation(
        "bf16",
        "training/precision/precision.py",
        "return Precision(Autocast(device, torch.bfloat16))",
        "return Precision(PureHalf(torch.bfloat16))",
    ),
    Mutation(
        "fp16",
        "training/precision/precision.py",
        "return _LEVELS[args.fp16_opt_level](device) if args.fp16 else Precision(Whole())",
        "return Precision(Whole())",
    ),
    Mutation(
        "fp16",
        "training/precision/precision.py",
        "Precision(Autocast(device, torch.float16), scaled_on=device)",
        "Precision(Autocast(device, torch.float16))",
    ),
    Mutation("fp16", "training/run/loop.py", "        if stepped:\n", "        if True:\n"),
    Mutation("fp16", "training/run/saving/taking.py", "scaler=parts.precision.state_dict() if", "scaler=None if"),
    Mutation(
        "fp16",
        "training/trainer/inside/file_hooks.py",
        "None if contents.scaler is None else dict(contents.scaler)",
        "None",
    ),
    Mutation(
        "fp16_opt_level",
        "training/precision/precision.py",
        "_LEVELS[args.fp16_opt_level](device)",
        "_LEVELS[ApexOptLevel.O1](device)",
    ),
    Mutation(
        "fp16_opt_level",
        "training/precision/precision.py",
        "Precision(HalfCopies(device, torch.float16), scaled_on=device)",
        "Precision(Autocast(device, torch.float16), scaled_on=device)",
    ),
    Mutation(
        "fp16_opt_level",
        "training/precision/precision.py",
        "ApexOptLevel.O3: lambda device: Precision(PureHalf(torch.float16))",
        "ApexOptLevel.O3: lambda device: Precision(HalfCopies(device, torch.float16), scaled_on=device)",
    ),
    Mutation(
        "fp16_opt_level",
        "training/precision/precision.py",
        "ApexOptLevel.O0: lambda device: Precision(Whole())",
        "ApexOptLevel.O0: lambda device: Precision(Autocast(device, torch.float16), scaled_on=device)",
    ),
    Mutation(
        "half_precision_backend",
        "training/precision/precision.py",
        "if args.half_precision_backend == HalfPrecisionBackend.APEX:",
        "if False:",
    ),
    Mutation(
        "half_precision_backend",
        "training/precision/precision.py",
        "if args.half_precision_backend == HalfPrecisionBackend.APEX:",
        "if args.half_precision_backend != HalfPrecisionBackend.AUTO:",
    ),
    Mutation("bf16_full_eval", "training/precision/full_eval.py", "    if args.bf16_full_eval:\n", "    if False:\n"),
    Mutation("bf16_full_eval", "training/precision/full_eval.py", "return torch.bfloat16", "return torch.float16"),
    without("bf16_full_eval", "training/evaluation/model.py", "stack.enter_context(parts.precision.paused())"),
    Mutation(
        "fp16_full_eval",
        "training/precision/full_eval.py",
        "return torch.float16 if args.fp16_full_eval else None",
        "return None",
    ),
    Mutation(
        "fp16_full_eval",
        "training/precision/full_eval.py",
        "return torch.float16 if args.fp16_full_eval else None",
        "return torch.bfloat16 if args.fp16_full_eval else None",
    ),
    without("fp16_full_eval", "training/precision/full_eval.py", "stack.enter_context(inputs_in(module, target))"),
    without("tf32", "training/run/model.py", "stack.enter_context(tf32(args.tf32))"),
    Mutation("tf32", "training/precision/precision.py", "_TF32_ON if wanted else _TF32_OFF", "_TF32_ON"),
    without("tf32", "training/precision/precision.py", "_write_tf32(before)"),
)

DEVICES = (
    Mutation("use_cpu", "settings/arguments/process_view.py", "if self._args.use_cpu:", "if False:"),
    Mutation("use_cpu", "settings/arguments/process_view.py", "if self._args.use_cpu:", "if True:"),
    Mutation(
        "tpu_num_cores",
        "training/model/devices.py",
        'asked = ["tpu_num_cores"] if args.tpu_num_cores is not None else []',
        "asked: list[str] = []",
    ),
    Mutation(
        "use_mps_device",
        "settings/arguments/process_view.py",
        "if torch.backends.mps.is_available():",
        "if self._args.use_mps_device or torch.backends.mps.is_available():",
    ),
    Mutation(
        "use_mps_device",
        "settings/rules/device.py",
        '        fix="drop use_mps_device",\n    ),\n)',
        '        fix="drop use_mps_device",\n    ),\n)[:-1]',
    ),
)

RANDOMNESS = (
    Mutation("seed", "training/run/seeding.py", "    random.seed(seed)\n", "    random.seed()\n"),
    Mutation("seed", "training/run/seeding.py", "    numpy.random.seed(seed)\n", "    numpy.random.seed(0)\n"),
    Mutation("seed", "training/run/seeding.py", "    torch.manual_seed(seed)\n", "    torch.seed()\n"),
    Mutation(
        "seed",
        "training/data/loaders.py",
        "return args.seed if args.data_seed is None else args.data_seed",
        "return 0",
    ),
    Mutation("full_determinism", "training/run/seeding.py", "    if args.full_determinism:\n", "    if False:\n"),
    without(
        "full_determinism", "training/run/seeding.py", "torch.use_deterministic_algorithms(True, warn_only=warn_only)"
    ),
    without("full_determinism", "training/run/seeding.py", "os.environ.setdefault(name, value)"),
    without("full_determinism", "training/run/seeding.py", "torch.backends.cudnn.deterministic = True"),
)

MUTATIONS = (*FORMATS, *DEVICES, *RANDOMNESS)
