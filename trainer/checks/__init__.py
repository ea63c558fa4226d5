"""What a pre-flight looks at: environment, model, data, storage, and what an earlier start left behind."""
