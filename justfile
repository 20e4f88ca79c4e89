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

# Formats the code.
fmt:
    cargo fmt
