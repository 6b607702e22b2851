//! What was measured, as markdown with ratios and as JSON.

/// One number.
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Less,
    More,
}

impl Metric {
    pub(crate) fn less(name: &'static str, value: f64, unit: &'static str) -> Self {
        let better = Better::Less;
        Self {
            name,
            value,
            unit,
            better,
        }
    }

    pub(crate) fn more(name: &'static str, value: f64, unit: &'static str) -> Self {
        let better = Better::More;
        Self {
            name,
            value,
            unit,
            better,
        }
    }
}

/// All results: per case and library its metrics, or why there are none.
#[derive(Default)]
pub(crate) struct Table {
    libraries: Vec<&'static str>,
    cases: Vec<(String, Vec<(&'static str, Result<Vec<Metric>, String>)>)>,
}

impl Table {
    pub(crate) fn begin_case(&mut self, name: String) {
        self.cases.push((name, Vec::new()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.cases.is_empty()
    }

    /// A library's result in the case that was begun last.
    pub(crate) fn add(&mut self, library: &'static str, result: Result<Vec<Metric>, String>) {
        if !self.libraries.contains(&library) {
            self.libraries.push(library);
        }
        let Some((case, results)) = self.cases.last_mut() else {
            return;
        };
        match &result {
            Ok(metrics) => {
                for Metric { name, value, unit, .. } in metrics {
                    eprintln!("{case:40} {name:40} {library:8} {value:14.2} {unit}");
                }
            }
            Err(error) => eprintln!("{case:40} {library:8} {error}"),
        }
        results.push((library, result));
    }

    /// One row per metric; a ratio is ours over theirs, in bold where ours is the worse one.
    pub(crate) fn markdown(&self) -> String {
        let (ours, theirs) = match self.libraries.split_first() {
            Some((first, rest)) if *first == OURS => (Some(OURS), rest),
            _ => (None, &self.libraries[..0]),
        };
        let mut header = vec!["case".to_string(), "metric".into(), "unit".into(), "better".into()];
        header.extend(self.libraries.iter().map(ToString::to_string));
        header.extend(theirs.iter().map(|their| format!("{OURS} / {their}")));
        let mut text = row(&header);
        text += &format!("|---|---|---|---|{}\n", "---:|".repeat(header.len() - 4));
        for (case, results) in &self.cases {
            for (name, unit, better) in metrics_of(results) {
                let value = |library: &str| {
                    let (_, result) = results.iter().find(|(of, _)| *of == library)?;
                    let metric = result.as_ref().ok()?.iter().find(|metric| metric.name == name)?;
                    Some(metric.value)
                };
                let better_word = if better == Better::Less { "less" } else { "more" };
                let mut cells = vec![case.clone(), name.into(), unit.into(), better_word.into()];
                cells.extend(
                    self.libraries
                        .iter()
                        .map(|library| value(library).map_or("–".into(), number)),
                );
                cells.extend(theirs.iter().map(|their| {
                    let ours = ours.and_then(value);
                    ours.zip(value(their))
                        .map_or("–".into(), |(our, their)| ratio(our, their, better))
                }));
                text += &row(&cells);
            }
            for (library, result) in results {
                if let Err(error) = result {
                    text += &row(&[case.clone(), format!("{library} failed: {error}")]);
                }
            }
        }
        text
    }

    /// A list of `{case, metric, library, value, unit}`, or with `error` in place of the last two.
    pub(crate) fn json(&self) -> String {
        let mut rows = Vec::new();
        for (case, results) in &self.cases {
            for (library, result) in results {
                match result {
                    Ok(metrics) => rows.extend(metrics.iter().map(|metric| {
                        let Metric { name, value, unit, .. } = metric;
                        format!(
                            r#"{{"case":"{case}","metric":"{name}","library":"{library}","value":{value},"unit":"{unit}"}}"#
                        )
                    })),
                    Err(error) => {
                        rows.push(format!(r#"{{"case":"{case}","library":"{library}","error":"{}"}}"#, escape(error)));
                    }
                }
            }
        }
        format!("[\n{}\n]", rows.join(",\n"))
    }
}

/// Whose ratios to the others are shown.
const OURS: &str = "pollrtc";

type Row = (&'static str, &'static str, Better);

fn metrics_of(results: &[(&'static str, Result<Vec<Metric>, String>)]) -> Vec<Row> {
    let complete = results.iter().filter_map(|(_, result)| result.as_ref().ok()).next();
    let rows = complete.into_iter().flatten();
    rows.map(|metric| (metric.name, metric.unit, metric.better)).collect()
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn ratio(ours: f64, theirs: f64, better: Better) -> String {
    if ours == theirs {
        return "1.00".into();
    }
    if theirs == 0.0 {
        return "–".into();
    }
    // To two digits, as it is shown.
    let ratio = (ours / theirs * 100.0).round() / 100.0;
    let worse = match better {
        Better::Less => ratio > 1.0,
        Better::More => ratio < 1.0,
    };
    match worse {
        true => format!("**{ratio:.2}**"),
        false => format!("{ratio:.2}"),
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
