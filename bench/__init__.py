"""What the README's figures come from: a load client and the benchmarks that use it."""
