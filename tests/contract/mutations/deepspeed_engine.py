"""DeepSpeed, driven by our values."""

from tests.contract.mutations.mutation import Mutation

ENGINE = "training/parallel/deepspeed_engine"

MUTATIONS = (
    Mutation("deepspeed", "training/parallel/registry.py", "if args is not None and args.deepspeed:", "if False:"),
    Mutation(
        "deepspeed",
        f"{ENGINE}/engine.py",
        "_scaled(engine, loss * self._factor if self._factor != 1 else loss)",
        "_scaled(engine, loss)",
    ),
    Mutation(
        "deepspeed",
        f"{ENGINE}/engine.py",
        "set_gradient_accumulation_boundary(last)",
        "set_gradient_accumulation_boundary(True)",
    ),
    Mutation("deepspeed", f"{ENGINE}/config.py", "float(args.max_grad_norm or 0.0)", "1.0"),
    Mutation("deepspeed", f"{ENGINE}/engine.py", "return bool(engine.was_step_applied())", "return True"),
    Mutation("deepspeed", f"{ENGINE}/config.py", "return int(zero.stage)", "return 0"),
    Mutation("deepspeed", f"{ENGINE}/engine.py", "optimizer=None if own else optimizer,", "optimizer=optimizer,"),
    Mutation(
        "deepspeed",
        f"{ENGINE}/engine.py",
        "return self._optimizer, theirs if theirs is not None else",
        "return self._optimizer,",
    ),
    Mutation("deepspeed", f"{ENGINE}/needs.py", "if missing is not None:", "if False:"),
    Mutation("deepspeed", f"{ENGINE}/library.py", "< OLDEST:", "< (0, 0):"),
)
