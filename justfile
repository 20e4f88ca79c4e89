# Lists what there is.
default:
    @just --list

# Everything that a change must pass.
check:
    .ci/run

# The tests; names after it pick some of them.
test *names:
    cargo nextest run --locked {{ names }}

# A run on 200 servers that are not real.
demo:
    cargo run --release --locked -- run playbooks/os-inventory.yaml --sandbox 200

# How well requests are spent, in virtual time; words pick rows.
pace *words:
    cargo bench --locked --bench scheduling -- {{ words }}

# Pace, requests a second, memory and processor time over real HTTP; a name after it picks cases.
bench *cases:
    cargo bench --locked --bench throughput -- {{ cases }}

# Fuzzes a target of tests/fuzz for some seconds. A stable toolchain will do.
fuzz target seconds="60":
    RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tests/fuzz --sanitizer none {{ target }} -- -max_total_time={{ seconds }}

# Leaves in a corpus what reaches something that nothing else of it does.
fuzz-minimise target:
    RUSTC_BOOTSTRAP=1 cargo fuzz cmin --fuzz-dir tests/fuzz --sanitizer none {{ target }}

# Kills it so many times, and holds what it says against what its servers saw; words pick cases.
kills count="2000" *words:
    cargo bench --locked --profile dev --bench kills -- --kills {{ count }} {{ words }}

# Formats the code.
fmt:
    cargo fmt
    cargo fmt --manifest-path tests/fuzz/Cargo.toml
