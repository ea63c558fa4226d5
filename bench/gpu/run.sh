#!/bin/bash
# Everything in bench/gpu: bash bench/gpu/run.sh OUT [WHEELS]
# OUT gets whole.json, asked.json and grid.jsonl. On a machine with more than one GPU, PARTS=several gives several.json and
# PARTS="alone grids" a grid-RANK.jsonl for each of RANKS, one GPU each at once, and alone.jsonl: a few of these cells with
# nobody beside. WHEELS is a folder of packages to put before those installed, for a machine that cannot fetch any. The random
# 8B model goes to $GPU_BENCH (default /dev/shm/gpu-bench, 18 GB) and is used again, as are the results beside it.
set -uo pipefail
out=$1 wheels=${2:-} folder=${GPU_BENCH:-/dev/shm/gpu-bench}
packages=${TMPDIR:-/tmp}/gpu-bench-packages
mkdir -p "$out" "$folder/results"
if [ -n "$wheels" ] && [ ! -d "$packages" ]; then
  python3 -m pip install --quiet --no-deps --no-index --target "$packages" "$wheels"/*.whl || exit 1
fi
export PYTHONPATH=$packages:$PWD${PYTHONPATH:+:$PYTHONPATH} TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error
export LLAMAFACTORY_VERBOSITY=WARN PYTHONUNBUFFERED=1
python3 -m bench.gpu.model8b "$folder" --shape "${SHAPE:-8b}" --rows "${ROWS:-160}" || exit 1

grid() { # grid NAME OPTION...: cells go to NAME.jsonl
  HF_DATASETS_CACHE=$folder/cache-$1 OMP_NUM_THREADS=16 python3 -m bench.gpu.grid "$folder" --out "$out/$1.jsonl" --steps "${STEPS:-4}" \
    --seconds "${SECONDS_EACH:-540}" ${TOKENS:+--tokens $TOKENS} "${@:2}"
  cp "$out/$1.jsonl" "$folder/results/"
}
new() { # the options of a grid that leaves out what is known
  echo --without-checkpointing --done "$folder"/results/grid*.jsonl bench/gpu/results/*-grid.jsonl
}

cp "$folder"/results/* "$out/" 2>/dev/null
for part in ${PARTS:-whole asked grid}; do
  case $part in
    whole) python3 -m bench.gpu.whole_run "$folder" --out "$out/whole.json" ;;
    asked) python3 -m bench.gpu.asking "$folder" --out "$out/asked.json" ;;
    several)
      python3 -m bench.gpu.several "$folder" --out "$out/several.json" --seconds "${SECONDS_EACH:-480}" \
        --gpus ${GPUS:-1 4 2} ${TOKENS:+--tokens $TOKENS}
      cp "$out/several.json" "$folder/results/" ;;
    grid) grid grid --split ${RANKS:+--ranks $RANKS} $(new) ;;
    alone) CUDA_VISIBLE_DEVICES=0 TOKENS="1000 2500 4000" grid alone --ranks 32 --batches 1 4 ;;
    grids)
      gpu=0
      for rank in ${RANKS:-32 16 64 8}; do
        CUDA_VISIBLE_DEVICES=$gpu grid "grid-$rank" --ranks "$rank" $([ "$rank" = 32 ] && echo --split) $(new) &
        gpu=$((gpu + 1))
      done
      wait ;;
  esac
done
