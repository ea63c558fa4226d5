"""What one GPU does with Qwen3-VL-8B: step times, memory, pauses. Weights are random; only time is measured."""
