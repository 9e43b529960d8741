# The project's front door. `make demo` shows it, `make test` proves it, `make bench` measures it.
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/eddy/target
EDDY := $(CARGO_TARGET_DIR)/debug/eddy
EDDY_RELEASE := $(CARGO_TARGET_DIR)/release/eddy

.PHONY: demo test bench web lint setup build release

demo: ## from a fresh clone to pages full of live data; DATA=<folder> loads the real sets instead of a simulated world
	scripts/setup build
	cargo build --locked --bin eddy
	scripts/demo $(EDDY) $(DATA)

test: ## the whole suite: unit, laws, SQL, end to end, pages
	scripts/setup test
	scripts/test

bench: ## every measurement, in release; the table is benches/RESULTS.md
	scripts/setup test
	cargo build --locked --release --bin eddy
	scripts/bench

web: ## rebuild the pages' bundle from dashboards/web
	cd dashboards/web && npm ci --no-audit --no-fund && npm run build

lint: ## format and lints, as in CI
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

build: ## the development build
	scripts/setup build
	cargo build --locked --bin eddy

release: ## the optimised build
	scripts/setup build
	cargo build --locked --release --bin eddy
