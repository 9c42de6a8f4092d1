//! Runs a command and its floor in alternation, and makes table rows of the results.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

/// The time and memory of one process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    wall: Duration,
    /// User and system time of all its threads.
    pub(crate) cpu: Duration,
    /// Peak of the resident set, in bytes. This process must stay small: a child's peak is never less than its
    /// parent's.
    rss: u64,
}

/// A command, its floor, and the goals. All times are those of whole processes.
pub(crate) struct Case<'c> {
    pub(crate) name: String,
    /// How many pairs.
    pub(crate) runs: usize,
    /// Runs before each measured run of either, not measured.
    pub(crate) prepare: &'c dyn Fn(),
    pub(crate) tool: Command,
    /// The expected exit status.
    pub(crate) status: i32,
    pub(crate) floor: Command,
    /// The expected exit status of the floor.
    pub(crate) floor_status: i32,
    /// Checks what the tool's first run did; not measured.
    pub(crate) check: &'c dyn Fn(),
    /// The goal: the largest ratio of wall time, or of CPU time.
    pub(crate) most: Option<f64>,
    /// Whether the goal is for CPU time.
    pub(crate) of_cpu: bool,
    /// The goal for the peak resident set, in bytes, and its text.
    pub(crate) memory: Option<(u64, String)>,
}

/// A line of the table.
pub(crate) struct Row {
    pub(crate) cells: Vec<String>,
    pub(crate) missed: bool,
}

pub(crate) const HEAD: [&str; 9] =
    ["case", "tool", "floor", "ratio", "min–max", "CPU ratio", "peak RSS", "goal", "met"];

/// Order: tool, floor, floor, tool, tool, floor …, so that neighbours run under the same load and neither is always
/// first.
pub(crate) fn measure(mut case: Case<'_>) -> Row {
    let (mut tools, mut floors) = (Vec::new(), Vec::new());
    for pair in 0..case.runs {
        for tool in [pair % 2 == 0, pair % 2 == 1] {
            (case.prepare)();
            if tool {
                tools.push(run(&mut case.tool, case.status));
                if pair == 0 {
                    (case.check)();
                }
            } else {
                floors.push(run(&mut case.floor, case.floor_status));
            }
        }
    }
    let ratios = |time: fn(&Usage) -> Duration| {
        let pairs = tools.iter().zip(&floors);
        sorted(pairs.map(|(tool, floor)| time(tool).as_secs_f64() / time(floor).as_secs_f64().max(1e-9)))
    };
    let wall = ratios(|usage| usage.wall);
    let median_wall = |usages: &[Usage]| {
        Duration::from_secs_f64(median(&sorted(usages.iter().map(|usage| usage.wall.as_secs_f64()))))
    };
    let rss = tools.iter().map(|usage| usage.rss).max().unwrap_or_default();
    let ratio = median(&wall);
    let cpu = median(&ratios(|usage| usage.cpu));
    let slow = case.most.is_some_and(|most| if case.of_cpu { cpu > most } else { ratio > most });
    let large = case.memory.as_ref().is_some_and(|&(most, _)| rss > most);
    let goals: Vec<String> = [
        case.most.map(|most| format!("{}≤ {most}×", if case.of_cpu { "CPU " } else { "" })),
        case.memory.map(|(_, text)| text),
    ]
    .into_iter()
    .flatten()
    .collect();
    let met = match (goals.is_empty(), slow || large) {
        (true, _) => "–",
        (_, true) => "NO",
        _ => "yes",
    };
    let cells = vec![
        case.name,
        milliseconds(median_wall(&tools)),
        milliseconds(median_wall(&floors)),
        format!("{ratio:.2}"),
        format!("{:.2}–{:.2}", wall[0], wall[wall.len() - 1]),
        format!("{cpu:.2}"),
        format!("{:.1} MiB", rss as f64 / 1_048_576.0),
        if goals.is_empty() { "–".to_owned() } else { goals.join(", ") },
        met.to_owned(),
    ];
    Row { cells, missed: slow || large }
}

/// Runs a command to its end; its output goes to `/dev/null`.
pub(crate) fn run(command: &mut Command, status: i32) -> Usage {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().unwrap();
    let used = child.wait4().unwrap();
    let wall = start.elapsed();
    assert_eq!(used.status.code(), Some(status), "exit status of {command:?}");
    Usage { wall, cpu: used.rusage.utime + used.rusage.stime, rss: used.rusage.maxrss }
}

pub(crate) fn milliseconds(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms < 10.0 { format!("{ms:.2} ms") } else { format!("{ms:.0} ms") }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}
