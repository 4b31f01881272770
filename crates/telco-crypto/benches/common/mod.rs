//! Timing: the best of many interleaved rounds, so that a busy machine disturbs every task alike.

use std::time::Instant;

/// Nanoseconds a call, for each task: the best of `rounds` rounds of `calls` calls.
pub fn best_of<const N: usize>(
    calls: u32,
    rounds: usize,
    mut tasks: [&mut dyn FnMut(); N],
) -> [f64; N] {
    let mut best = [f64::INFINITY; N];
    for _ in 0..rounds {
        for (task, best) in tasks.iter_mut().zip(&mut best) {
            let start = Instant::now();
            for _ in 0..calls {
                task();
            }
            *best = best.min(start.elapsed().as_nanos() as f64 / f64::from(calls));
        }
    }
    best
}
