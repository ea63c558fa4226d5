#!/bin/bash
# The one way into the trainer, for the app's jobs and for the scripts beside this file.
#   [PYTHON=/path/to/python] job.sh RUN_DIR [--lora_rank 32 …]
# RUN_DIR holds run.json; with options it is made from them. One task a node; Slurm's warning (--signal=B:USR1@300)
# reaches Python itself, because nothing is left of this shell. Exit status: 0 finished, 85 saved and stopped,
# 86 refused, 1 failed.
set -euo pipefail
trap '' USR1 USR2 # until Python listens; their default is death
bundle=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PYTHON=${PYTHON:-python3}
if ! "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "error: $PYTHON is missing or older than 3.11; name the Python that has LLaMA-Factory" >&2
  exit 86
fi
export PYTHONPATH="$bundle${PYTHONPATH:+:$PYTHONPATH}"
exec "$PYTHON" -m trainer.launch "$@"
