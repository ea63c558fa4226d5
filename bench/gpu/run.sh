#!/bin/bash
# Everything in bench/gpu on one GPU: bash bench/gpu/run.sh OUT [WHEELS]
# OUT gets whole.json and grid-*.json. WHEELS is a folder of packages to put before those installed, for a machine that
# cannot fetch any. The random 8B model goes to $GPU_BENCH (default /dev/shm/gpu-bench, 18 GB) and is used again.
set -uo pipefail
out=$1 wheels=${2:-} folder=${GPU_BENCH:-/dev/shm/gpu-bench}
packages=${TMPDIR:-/tmp}/gpu-bench-packages
mkdir -p "$out" "$folder"
if [ -n "$wheels" ] && [ ! -d "$packages" ]; then
  python3 -m pip install --quiet --no-deps --no-index --target "$packages" "$wheels"/*.whl || exit 1
fi
export PYTHONPATH=$packages:$PWD TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error
export LLAMAFACTORY_VERBOSITY=WARN PYTHONUNBUFFERED=1
python3 -m bench.gpu.model8b "$folder" --shape "${SHAPE:-8b}" || exit 1
for part in ${PARTS:-whole rank32 ranks}; do
  case $part in
    whole) python3 -m bench.gpu.whole_run "$folder" --out "$out/whole.json" ;;
    rank32) python3 -m bench.gpu.grid "$folder" --out "$out/grid-32.json" --ranks 32 --without-checkpointing --split \
      --seconds "${SECONDS_EACH:-400}" ;;
    ranks) python3 -m bench.gpu.grid "$folder" --out "$out/grid-ranks.json" --ranks 8 16 64 128 --without-checkpointing \
      --seconds "${SECONDS_EACH:-540}" ;;
  esac
done
