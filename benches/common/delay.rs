//! How long lines were under way, from the moment they were said until a receiver had them: of every line to every
//! receiver.

use std::io;
use std::time::Instant;

use super::crowd::Crowd;
use super::fail;
use super::publishers::Publishers;

/// Microseconds that count as equal.
const STEP: u64 = 10;

/// Deliveries, by their delay.
#[derive(Debug)]
pub(crate) struct Delays {
    /// How many took so many steps.
    steps: Vec<u64>,
    count: u64,
}

impl Delays {
    /// Of the run that has ended. The crowd has recorded its arrivals.
    pub(crate) fn of(crowd: &mut Crowd, publishers: &Publishers) -> io::Result<Delays> {
        let said_at = publishers.said_at();
        let Some(&begin) = said_at.iter().min() else { return fail("nothing was said") };
        let micros = |at: Instant| u64::try_from(at.duration_since(begin).as_micros()).unwrap_or(u64::MAX);
        let said: Vec<u64> = said_at.into_iter().map(micros).collect();
        let ends = crowd.transcript.ends();
        if said.len() != ends.len() {
            return fail(format!("{} messages were said, {} lines came", said.len(), ends.len()));
        }
        let mut delays = Delays { steps: Vec::new(), count: 0 };
        for arrival in crowd.arrivals() {
            let at = micros(arrival.at);
            let before = |position: usize| ends.partition_point(|&end| end <= position);
            let lines = before(arrival.from)..before(arrival.to);
            delays.count += lines.len() as u64;
            for said in &said[lines] {
                let step = usize::try_from((at - said) / STEP).unwrap_or(usize::MAX);
                if step >= delays.steps.len() {
                    delays.steps.resize(step + 1, 0);
                }
                delays.steps[step] += 1;
            }
        }
        Ok(delays)
    }

    /// Deliveries.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Seconds that so many of a hundred deliveries did not exceed.
    pub(crate) fn percentile(&self, percent: u64) -> f64 {
        let mut left = (self.count * percent).div_ceil(100);
        let step = self.steps.iter().position(|&count| {
            left = left.saturating_sub(count);
            left == 0
        });
        super::run::real(step.unwrap_or_default() as u64 * STEP) * 1e-6
    }
}
