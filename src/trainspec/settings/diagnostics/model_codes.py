"""The codes of preflight about models that generate, signals, and checkpoints of transformers."""

from __future__ import annotations

from trainspec.settings.diagnostics.codes import Explanation

MODEL_CODES: dict[str, Explanation] = {
    "RUN210": Explanation(
        "unusable-generation-config",
        "a generation_config that cannot be read, or that contradicts itself",
        "the model would generate by another one, or could not be saved with this one",
        "give a mapping, or a file or folder that save_pretrained wrote",
    ),
    "RUN211": Explanation(
        "model-cannot-generate",
        "predict_with_generate with a model that has no method generate",
        "the first evaluation would fail",
        "leave predict_with_generate out, or give the model a generate(**inputs) that returns token ids",
    ),
    "RUN212": Explanation(
        "no-padding-token",
        "predict_with_generate where nothing says how to fill rows up",
        "rows that are generated differ in length, and only rows of one length can be joined",
        "give the tokenizer a pad_token, or the model's configuration a pad_token_id",
    ),
    "RUN213": Explanation(
        "unsortable-rows",
        "sortish_sampler with training data whose rows have no number or no length",
        "rows can be put into an order of their lengths only where each can be fetched and measured",
        "pass a data set with __len__ and __getitem__ whose rows have a length, or leave sortish_sampler out",
    ),
    "RUN172": Explanation(
        "no-key-cache",
        "use_cache: true for a model whose configuration has no such switch",
        "nothing reads the setting",
        "leave use_cache out",
    ),
    "RUN173": Explanation(
        "no-such-start",
        "dataloader_multiprocessing_context names a way to start processes that this system lacks",
        "no loading process could be started",
        "choose one that the message names, or leave it out",
    ),
    "RUN174": Explanation(
        "no-signal-in-a-thread",
        "enable_jit_checkpoint where train() is called in a thread",
        "only the main thread of a process hears of signals",
        "call train() in the main thread",
    ),
    "RUN175": Explanation(
        "own-files-not-in-background",
        "save_in_background where a subclass of Trainer writes files of a checkpoint itself",
        "what somebody else's code reads of the run may change while a thread would call it",
        "leave save_in_background out, or write files of your own in on_save",
    ),
    "RUN176": Explanation(
        "checkpoint-name-taken",
        "something in output_dir that is no checkpoint, and has the name of one that the run will save",
        "saving it would replace what somebody has put there",
        "move it elsewhere, or choose another output_dir",
    ),
    "RUN216": Explanation(
        "model-not-savable",
        "a model whose state_dict() holds what safetensors cannot: no tensor, a sparse one, or an odd number format",
        "the first save would fail, and all training until then would be lost",
        "set save_safetensors: false, which writes torch's own format, or leave such values out of the state",
    ),
    "RUN221": Explanation(
        "checkpoint-part-refused",
        "a part of a checkpoint of transformers that cannot be taken over",
        "the run would not go on with the numbers that it had",
        "start a new run from its weights, or go on with the program that wrote it",
    ),
    "RUN222": Explanation(
        "order-of-rows-is-ours",
        "a resume in the middle of an epoch that transformers began",
        "transformers shuffles in another order: some rows of this epoch come twice and others not at all",
        "nothing has to be done; ignore_data_skip: true begins the epoch again",
    ),
    "RUN223": Explanation(
        "checkpoint-part-left-out",
        "a part of a checkpoint of transformers that a run does without",
        "it cannot be read here",
        "nothing has to be done: the run goes on with its own",
    ),
    "RUN224": Explanation(
        "settings-have-changed",
        "a resume with other settings than those of the run that wrote the checkpoint",
        "the run goes on with other numbers than it would have had",
        "nothing has to be done where that is what you want",
    ),
    "RUN225": Explanation(
        "newer-checkpoints-left-behind",
        "a run that goes back to a checkpoint of an output_dir that holds newer ones",
        "from its first save on its checkpoints are the newer ones, for latest, auto and save_total_limit",
        "nothing has to be done; remove what nobody needs, or name another output_dir to keep both apart",
    ),
}
