"""Schedules in the hands of other libraries: one file each, loaded when it is first used.

`accelerate.as_accelerate`, `hugging_face.trainer_with`, `keras.as_keras`,
`lightning.as_lightning`, `optax.as_optax`. They know nothing of particular schedules. PyTorch's own
adapter is `TorchScheduler`.
"""
