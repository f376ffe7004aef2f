// What a visitor finds written: a run that is right, so that each view has something to show.
export const EXAMPLE = `# Settings of a run: change them, and see what follows.
output_dir: runs/first
num_train_epochs: 3
per_device_train_batch_size: 32
learning_rate: 3e-4
lr_scheduler_type: cosine
warmup_ratio: 0.05
eval_strategy: epoch
save_strategy: epoch
save_total_limit: 2
`;
