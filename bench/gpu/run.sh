#!/bin/bash
# Everything in bench/gpu: bash bench/gpu/run.sh OUT [WHEELS]
# OUT gets whole.json and grid.jsonl; with PARTS=several, on a machine with more than one GPU, several.json. WHEELS is a
# folder of packages to put before those installed, for a machine that cannot fetch any. The random 8B model goes to $GPU_BENCH (default /dev/shm/gpu-bench, 18 GB) and is used again.
set -uo pipefail
out=$1 wheels=${2:-} folder=${GPU_BENCH:-/dev/shm/gpu-bench}
packages=${TMPDIR:-/tmp}/gpu-bench-packages
mkdir -p "$out" "$folder"
if [ -n "$wheels" ] && [ ! -d "$packages" ]; then
  python3 -m pip install --quiet --no-deps --no-index --target "$packages" "$wheels"/*.whl || exit 1
fi
export PYTHONPATH=$packages:$PWD${PYTHONPATH:+:$PYTHONPATH} TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error
export LLAMAFACTORY_VERBOSITY=WARN PYTHONUNBUFFERED=1
python3 -m bench.gpu.model8b "$folder" --shape "${SHAPE:-8b}" --rows "${ROWS:-160}" || exit 1
for part in ${PARTS:-whole grid}; do
  case $part in
    whole) python3 -m bench.gpu.whole_run "$folder" --out "$out/whole.json" ;;
    several) python3 -m bench.gpu.several "$folder" --out "$out/several.json" --seconds "${SECONDS_EACH:-480}" \
      --gpus ${GPUS:-1 4 2} ;;
    grid) python3 -m bench.gpu.grid "$folder" --out "$folder/grid.jsonl" --without-checkpointing --split \
      --steps "${STEPS:-4}" ${RANKS:+--ranks $RANKS} --seconds "${SECONDS_EACH:-540}" --done "$folder/grid.jsonl" bench/gpu/results/*-grid.jsonl
      cp "$folder/grid.jsonl" "$out/" ;;
  esac
done
