"""Compilation, kernels, and memory for time."""

from tests.contract.mutations.mutation import Mutation, without

MUTATIONS = (
    Mutation(
        "torch_compile",
        "training/model/compilation.py",
        "    if not args.torch_compile:\n        return model\n",
        "    if True:\n        return model\n",
    ),
    Mutation(
        "torch_compile",
        "training/model/compilation.py",
        "    if not args.torch_compile:\n        return model\n",
        "",
    ),
    Mutation(
        "torch_compile",
        "training/parallel/single.py",
        "return plain_state(_there(self._model))",
        "return _there(self._model).state_dict()",
    ),
    Mutation(
        "torch_compile_backend",
        "training/model/compilation.py",
        '    backend = args.torch_compile_backend or "inductor"\n    mode',
        '    backend = "inductor"\n    mode',
    ),
    Mutation(
        "torch_compile_backend",
        "settings/views/derived.py",
        'stored[name] is not None for name in ("torch_compile_backend", ',
        "stored[name] is not None for name in (",
    ),
    Mutation("torch_compile_backend", "training/model/compilation.py", "if backend not in known:", "if False:"),
    Mutation(
        "torch_compile_mode",
        "training/model/compilation.py",
        "torch.compile(inner, backend=backend, mode=mode)",
        "torch.compile(inner, backend=backend)",
    ),
    Mutation(
        "torchdynamo",
        "settings/views/derived.py",
        "chosen = said if said is not None else args.torchdynamo",
        "chosen = said",
    ),
    Mutation(
        "torch_empty_cache_steps",
        "training/run/loop.py",
        "self._cache_every = self._args.torch_empty_cache_steps",
        "self._cache_every = None",
    ),
    Mutation(
        "torch_empty_cache_steps",
        "training/run/loop.py",
        "state.global_step % self._cache_every == 0",
        "state.global_step >= self._cache_every",
    ),
    Mutation(
        "jit_mode_eval",
        "training/evaluation/model.py",
        "yield traced(model) if args.jit_mode_eval else model",
        "yield model",
    ),
    Mutation(
        "jit_mode_eval",
        "training/evaluation/model.py",
        "yield traced(model) if args.jit_mode_eval else model",
        "yield traced(model)",
    ),
    Mutation(
        "gradient_checkpointing",
        "training/run/model.py",
        "recompute=lambda model: stack.enter_context(recomputing(model, args))",
        "recompute=lambda model: None",
    ),
    Mutation(
        "gradient_checkpointing",
        "training/model/activation_checkpointing.py",
        "    finally:\n        undo()\n",
        "    finally:\n        pass\n",
    ),
    Mutation(
        "gradient_checkpointing",
        "training/model/activation_checkpointing.py",
        "if not own and not repeated_blocks(module):",
        "if False:",
    ),
    Mutation(
        "gradient_checkpointing_kwargs",
        "training/model/activation_checkpointing.py",
        "undo = enable(model, args.gradient_checkpointing_kwargs)",
        "undo = enable(model)",
    ),
    Mutation(
        "auto_find_batch_size", "training/run/session.py", "if not trainer.args.auto_find_batch_size:", "if True:"
    ),
    Mutation(
        "auto_find_batch_size", "training/run/session.py", "if not trainer.args.auto_find_batch_size:", "if False:"
    ),
    without("auto_find_batch_size", "training/run/session.py", "model.load_state_dict(start)"),
    Mutation("auto_find_batch_size", "training/run/batch_size.py", "        size //= 2\n", "        size -= 1\n"),
    Mutation("auto_find_batch_size", "training/run/batch_size.py", "if size <= 1 or not", "if size <= 2 or not"),
    Mutation(
        "use_liger_kernel",
        "training/model/liger.py",
        "if args.use_liger_kernel and model_type(model) in known_types():",
        "if False:",
    ),
    Mutation("use_liger_kernel", "training/model/liger.py", "    if kind not in known:\n", "    if False:\n"),
    Mutation(
        "use_liger_kernel",
        "training/model/liger.py",
        "    if not args.use_liger_kernel:\n        return\n",
        "    return\n",
    ),
    Mutation("liger_kernel_config", "training/model/liger.py", "(args.liger_kernel_config or {})", "({})"),
)
