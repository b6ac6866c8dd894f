"""The command finetune: data, adapter, device file, measured."""
