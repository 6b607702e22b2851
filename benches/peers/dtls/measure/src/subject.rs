//! Who is measured: a library in this process, or one in a process of its own.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::measure::{self, Cost, Handshake, Kind, Records};

/// Both ends' settings, which many connections share.
pub trait Ends {
    /// A connection of both, made from nothing, with a key exported on each side.
    fn connect(&mut self) -> Result<Box<dyn Pair>, String>;
}

/// A client and a server that are connected.
pub trait Pair {
    /// The client puts a record on the wire.
    fn protect(&mut self, payload: &[u8]) -> Result<(), String>;
    /// The server takes the oldest record; its payload must have this length.
    fn unprotect(&mut self, length: usize) -> Result<(), String>;
    /// Bytes and datagrams that both have sent.
    fn sent(&self) -> (usize, usize);
}

/// What can be measured.
pub trait Subject {
    fn handshakes(&mut self, count: usize) -> Result<Handshake, String>;
    fn records(&mut self, length: usize, bursts: usize) -> Result<Records, String>;
}

/// A library in this process.
pub struct Local {
    ends: Box<dyn Ends>,
    /// The connection that records go over.
    pair: Option<Box<dyn Pair>>,
}

impl Local {
    pub fn new(ends: impl Ends + 'static) -> Self {
        Self {
            ends: Box::new(ends),
            pair: None,
        }
    }
}

impl Subject for Local {
    fn handshakes(&mut self, count: usize) -> Result<Handshake, String> {
        measure::handshakes(&mut *self.ends, count)
    }

    fn records(&mut self, length: usize, bursts: usize) -> Result<Records, String> {
        let pair = match &mut self.pair {
            Some(pair) => pair,
            empty => empty.insert(self.ends.connect()?),
        };
        measure::records(&mut **pair, length, bursts)
    }
}

/// A library whose symbols are not to be had in this process. The child is asked in lines:
/// `handshakes COUNT` or `records LENGTH BURSTS`, and answers with numbers or `error: WHY`.
pub struct Remote {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Remote {
    /// Starts the program of this name that lies beside our own.
    pub fn start(program: &str, kind: Kind) -> Result<Self, String> {
        let path = std::env::current_exe()
            .map_err(|error| error.to_string())?
            .with_file_name(program);
        let mut child = Command::new(&path)
            .arg(kind.name())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error} (cargo build makes it)", path.display()))?;
        let questions = child.stdin.take().ok_or("no input")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no output")?);
        Ok(Self {
            child,
            questions,
            answers,
        })
    }

    fn ask<const N: usize>(&mut self, question: &str) -> Result<[f64; N], String> {
        writeln!(self.questions, "{question}").map_err(|error| error.to_string())?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).map_err(|error| error.to_string())?;
        let answer = answer.trim();
        if let Some(error) = answer.strip_prefix("error: ") {
            return Err(error.into());
        }
        let numbers: Option<Vec<f64>> = answer.split(' ').map(|number| number.parse().ok()).collect();
        numbers
            .and_then(|numbers| numbers.try_into().ok())
            .ok_or_else(|| format!("not understood: {answer:?}"))
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Subject for Remote {
    fn handshakes(&mut self, count: usize) -> Result<Handshake, String> {
        let [nanoseconds, allocations, bytes, datagrams] = self.ask(&format!("handshakes {count}"))?;
        Ok(Handshake {
            cost: Cost {
                nanoseconds,
                allocations,
            },
            bytes: bytes as usize,
            datagrams: datagrams as usize,
        })
    }

    fn records(&mut self, length: usize, bursts: usize) -> Result<Records, String> {
        let [protect, protect_allocations, unprotect, unprotect_allocations] =
            self.ask(&format!("records {length} {bursts}"))?;
        let cost = |nanoseconds, allocations| Cost {
            nanoseconds,
            allocations,
        };
        Ok(Records {
            protect: cost(protect, protect_allocations),
            unprotect: cost(unprotect, unprotect_allocations),
        })
    }
}

/// The child's side: answers until there are no more questions.
pub fn serve(mut subject: impl Subject) {
    for question in std::io::stdin().lines().map_while(Result::ok) {
        match answer(&mut subject, &question) {
            Ok(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(f64::to_string).collect();
                println!("{}", numbers.join(" "));
            }
            Err(error) => println!("error: {}", error.replace('\n', " ")),
        }
    }
}

fn answer(subject: &mut impl Subject, question: &str) -> Result<[f64; 4], String> {
    let mut words = question.split(' ');
    let what = words.next().unwrap_or_default();
    let mut number = || {
        words
            .next()
            .and_then(|word| word.parse().ok())
            .ok_or("a number is missing")
    };
    Ok(match what {
        "handshakes" => {
            let Handshake { cost, bytes, datagrams } = subject.handshakes(number()?)?;
            [cost.nanoseconds, cost.allocations, bytes as f64, datagrams as f64]
        }
        "records" => {
            let Records { protect, unprotect } = subject.records(number()?, number()?)?;
            [
                protect.nanoseconds,
                protect.allocations,
                unprotect.nanoseconds,
                unprotect.allocations,
            ]
        }
        _ => return Err(format!("unknown question {question:?}")),
    })
}
