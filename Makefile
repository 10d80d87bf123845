# Every target sets up .venv by itself; when nothing changed that takes no time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := .demo
PORT ?= 8420
MODEL ?= random:ViT-B-32
BENCH_MODEL ?= pocket
PHOTOS ?=
SIZES ?= 10000 100000 1000000
LIBRARY ?=
PICTURES ?= 1000000
CACHE ?=
CLIP_BACK_PYTHON ?=
HUGE ?=
MARKDOWN ?=

.PHONY: demo test check format lint types contracts bench bench-catalog bench-duplicates bench-fusion bench-http bench-labels bench-mixed bench-model bench-refine bench-relevance bench-search bench-sync bench-teach bench-video bench-words clean

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("atisbo needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev,demo,postgres]'
	@touch $@

# The main job: index photos (MEDIA=/some/folder for your own), then serve the page.
demo: $(READY)
ifdef MEDIA
	$(BIN)/atisbo index "$(MEDIA)" --library "$(DEMO)/media-library"
	$(BIN)/atisbo serve --library "$(DEMO)/media-library" --port $(PORT)
else
	$(BIN)/python demo/photos.py $(DEMO)/photos
	$(BIN)/atisbo index $(DEMO)/photos --library $(DEMO)/library
	@echo
	@echo "Once the page is up, try: a red motorcycle · a cat · an orange flower"
	@echo
	$(BIN)/atisbo serve --library $(DEMO)/library --port $(PORT)
endif

test: $(READY)
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

check: format lint types contracts test

format: $(READY)
	$(BIN)/ruff format --check .

lint: $(READY)
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

contracts: $(READY)
	$(BIN)/lint-imports

# Throughput of indexing, stage by stage, on drawn photos and random weights, or on your own:
# make bench PHOTOS=/some/folder MODEL=open_clip:...
bench: $(READY)
	$(BIN)/python tests/benchmarks/bench_index.py --model "$(MODEL)" $(if $(PHOTOS),--photos "$(PHOTOS)")

# Keeping a library in step with 100,000 small files, and the memory that takes.
bench-sync: $(READY)
	$(BIN)/python tests/benchmarks/bench_sync.py

# Writing 100,000 items to SQLite and, where its server programs are, to PostgreSQL.
bench-catalog: $(READY)
	PYTHONPATH=. $(BIN)/python tests/benchmarks/bench_catalog.py

# Composed and refined queries on photos of DATA (flickr8k/ and photos/): make bench-fusion DATA=/some/folder
bench-fusion: $(READY)
	$(BIN)/python tests/benchmarks/bench_fusion.py --data "$(DATA)"

# Words for pictures, by way of ranking them: make bench-labels DATA=/some/folder
bench-labels: $(READY)
	$(BIN)/python tests/benchmarks/bench_labels.py --data "$(DATA)"

# Photos and captions in one ranking: make bench-mixed DATA=/folder/with/flickr8k
bench-mixed: $(READY)
	$(BIN)/python tests/benchmarks/bench_mixed.py --data "$(DATA)"

# More like these, less like those, and diversity: make bench-refine DATA=/some/folder
bench-refine: $(READY)
	$(BIN)/python tests/benchmarks/bench_refine.py --data "$(DATA)"

# Words beside looks, where some photos have captions and others none: make bench-words DATA=/some/folder
bench-words: $(READY)
	$(BIN)/python tests/benchmarks/bench_words.py --data "$(DATA)"

# What verdicts and probabilities are worth: make bench-relevance DATA=/some/folder PICTURE=relevance.png,
# or with another model: make bench-relevance DATA=/some/folder BENCH_MODEL=open_clip:local-dir:/some/model
bench-relevance: $(READY)
	$(BIN)/python tests/benchmarks/bench_relevance.py --data "$(DATA)" --model "$(BENCH_MODEL)" $(if $(PICTURE),--picture "$(PICTURE)")

# Teaching, on libraries made of DATA (flickr8k/ and photos/): make bench-teach DATA=/some/folder
bench-teach: $(READY)
	$(BIN)/python tests/benchmarks/bench_teach.py --data "$(DATA)"

# The figures of the model card: make bench-model DATA=/some/folder BENCH_MODEL=pocket
bench-model: $(READY)
	$(BIN)/python tests/benchmarks/bench_model.py --data "$(DATA)" --model "$(BENCH_MODEL)"

# Films: times real time, beside FFmpeg alone, and the memory that one of two hours takes.
bench-video: $(READY)
	$(BIN)/python tests/benchmarks/bench_video.py

# Search at SIZES (HUGE=1: 10M too), or of a LIBRARY, beside peers and the speed of memory; indexes are
# kept in CACHE, and the tables also go into the file MARKDOWN.
bench-search: $(READY)
	$(BIN)/python tests/benchmarks/bench_search.py --sizes "$(SIZES)" $(if $(CACHE),--cache "$(CACHE)") $(if $(HUGE),--huge) $(if $(LIBRARY),--library "$(LIBRARY)") $(if $(MARKDOWN),--markdown "$(MARKDOWN)")

# Searches over HTTP under load, on PICTURES drawn pictures; CLIP_BACK_PYTHON names the interpreter that
# has clip-retrieval, CACHE where the libraries are kept, MARKDOWN a file for the table.
bench-http: $(READY)
	$(BIN)/python tests/benchmarks/bench_http.py --pictures "$(PICTURES)" $(if $(CACHE),--cache "$(CACHE)") $(if $(CLIP_BACK_PYTHON),--clip-back-python "$(CLIP_BACK_PYTHON)") $(if $(MARKDOWN),--markdown "$(MARKDOWN)")

# Copies told from pictures of the same thing: make bench-duplicates DATA=/some/folder
bench-duplicates: $(READY)
	$(BIN)/python tests/benchmarks/bench_duplicates.py --data "$(DATA)" --model "$(BENCH_MODEL)"

clean:
	rm -rf $(VENV) $(DEMO) .mypy_cache .ruff_cache .pytest_cache *.egg-info
