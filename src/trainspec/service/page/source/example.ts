// What a visitor finds written: a run that is right, so that each view has something to show.
export const EXAMPLE = `# Settings of a run: change them, and see what follows.
output_dir: runs/first
max_steps: 2000
per_device_train_batch_size: 32
learning_rate: 3e-4
lr_scheduler_type: cosine
warmup_steps: 200
logging_steps: 50
eval_strategy: steps
eval_steps: 250
save_strategy: steps
save_steps: 250
save_total_limit: 2
`;
