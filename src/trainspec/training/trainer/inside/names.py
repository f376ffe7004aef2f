"""The methods of transformers' Trainer, 4.57 and 5.x, by what becomes of an override of one here.

A test holds these lists against the transformers that is installed: each of its methods is in one of them.
"""

from __future__ import annotations

# Our run calls them where transformers does.
_CALLED = """
    __init__ _clip_grad_norm _determine_best_metric _evaluate _finish_current_push _get_collator_with_removed_columns
    _get_dataloader _get_eval_sampler _get_grad_norm _get_learning_rate _get_num_items_in_batch _get_train_sampler
    _inner_training_loop _load_best_model _load_from_checkpoint _load_optimizer_and_scheduler _load_rng_state
    _load_scaler _maybe_log_save_evaluate _move_model_to_device _prepare_input _prepare_inputs _push_from_checkpoint
    _remove_unused_columns _report_to_hp_search _save _save_checkpoint _save_optimizer_and_scheduler _save_rng_state
    _save_scaler _set_signature_columns_if_needed _validate_args _wrap_model autocast_smart_context_manager
    call_model_init compare_trainer_and_checkpoint_args compute_loss compute_loss_context_manager
    create_accelerator_and_postprocess create_model_card create_optimizer create_optimizer_and_scheduler
    create_scheduler evaluate evaluation_loop floating_point_ops get_batch_samples get_decay_parameter_names
    get_eval_dataloader get_optimizer_cls_and_kwargs get_test_dataloader get_train_dataloader init_hf_repo log predict
    prediction_step push_to_hub save_model store_flos train training_step
"""

# Scripts call them, here as there: an override has the effect that its callers give it.
_ASKED = """
    _nested_gather add_callback end get_cp_size get_learning_rates get_num_trainable_parameters get_optimizer_group
    get_sp_size get_tp_size hyperparameter_search is_local_process_zero is_world_process_zero log_metrics
    metrics_format num_tokens pop_callback remove_callback save_metrics save_state tokenizer
"""

CALLED = frozenset(_CALLED.split())
ASKED = frozenset(_ASKED.split())

_LOOP = "training_step, get_batch_samples or _inner_training_loop, or use a callback"
_PLANNED = "max_steps, num_train_epochs and get_train_dataloader, from which the run is planned"
_SHARDED = "nothing: several processes train by strategies of trainspec"
_NEFTUNE = "neftune_noise_alpha, or add a hook to the embeddings in on_train_begin"
_RETENTION = "save_total_limit, or delete folders in on_save"
_ALIKE = "get_batch_samples, which sees all batches of an update"

# transformers calls them and we do not: what to override or set instead.
NEVER: dict[str, str] = {
    "_activate_neftune": _NEFTUNE,
    "_add_sm_patterns_to_gitignore": "nothing: only a model that is saved is pushed",
    "_align_special_tokens": "the model's config before it is given to the Trainer",
    "_build_accelerator_args": "create_accelerator_and_postprocess",
    "_deactivate_neftune": _NEFTUNE,
    "_defer_fsdp_gradient_reduction": _SHARDED,
    "_finalize_training": "_inner_training_loop, on_train_end or log",
    "_fsdp_qlora_plugin_updates": _SHARDED,
    "_gather_and_numpify": "evaluation_loop or prediction_step",
    "_get_output_dir": "output_dir among the settings",
    "_has_mixed_mesh_grads": _SHARDED,
    "_hp_search_setup": "hp_space and model_init, which both take the trial",
    "_init_training_state": "on_train_begin, which gets the state",
    "_is_attention_mask_causal": _ALIKE,
    "_issue_warnings_after_load": "_load_from_checkpoint: weights that do not fit are an error here",
    "_load_callback_state": "from_state of an ExportableState callback",
    "_mixed_mesh_grad_norm": _SHARDED,
    "_prepare_context_parallel_inputs": "_prepare_inputs",
    "_prepare_for_training": "create_optimizer, create_scheduler or _wrap_model",
    "_rotate_checkpoints": _RETENTION,
    "_run_epoch": _LOOP,
    "_save_tpu": "_save",
    "_sorted_checkpoints": _RETENTION,
    "_sync_replicated_trainable_parameters": _SHARDED,
    "_track_num_input_tokens": "include_num_input_tokens_seen, or count in training_step",
    "_tune_save_checkpoint": "_save_checkpoint",
    "_update_auto_batch_size": "auto_find_batch_size, or per_device_train_batch_size",
    "get_total_train_batch_size": _PLANNED,
    "num_examples": "nothing: rows are counted as they are trained on",
    "prediction_loop": "evaluation_loop",
    "propagate_args_to_deepspeed": _SHARDED,
    "set_initial_training_values": _PLANNED,
    "torch_jit_model_eval": "jit_mode_eval among the settings",
}
