# What an installed wheel can do on its own; run in a folder with venv/ that holds nothing else.
set -eu
if python -c "import torch" 2>/dev/null; then echo "torch is installed here" >&2; exit 1; fi
restora --help > help.txt
restora methods
python -c "
import numpy, pyvips
noise = numpy.random.default_rng(0).normal(128, 25, (200, 300, 3)).clip(0, 255).astype('uint8')
pyvips.Image.new_from_array(noise).pngsave('noisy.png')"
restora denoise noisy.png -o quiet.png --force
restora weights verify
python -c "
import pathlib, restora
assert (pathlib.Path(restora.__file__).parent / 'py.typed').is_file()
restora.denoise('noisy.png', method='median').save('calm.png', force=True)"
