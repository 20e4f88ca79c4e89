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

# Requests a target, time over the least possible, requests a second.
bench:
    cargo bench --locked --bench throughput

# Formats the code.
fmt:
    cargo fmt
