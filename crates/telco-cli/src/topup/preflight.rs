//! What a file would do, found out before anything is sent.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, Hash, RandomState};

use serde_json::{Value, json};
use telco_core::{Amount, Currency, Product, TopupProvider};

use super::earlier::{Account, Others};
use super::job::Lines as Run;
use super::rows::{Row, Snapshot};
use super::sender::within;
use super::summary::rows;
use crate::exit::{Done, Failure};
use crate::output::{self, Form};

/// How many lines of each trouble are named.
const NAMED: usize = 10;

/// How many rows share one question to the ledger.
const ASKED: usize = 1_000;

/// What is to be looked at.
#[derive(Debug)]
pub(super) struct Question<'a> {
    pub(super) file: &'a Snapshot,
    pub(super) ignored: &'a [String],
    pub(super) provider: &'a dyn TopupProvider,
    /// `None`: what other jobs have sent is not known, or not asked for.
    pub(super) others: Option<Others>,
    /// Rows that another job has sent are left out.
    pub(super) skip_sent: bool,
}

/// What may pass that is refused otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tolerance {
    pub(super) invalid: bool,
    pub(super) sent: bool,
    pub(super) duplicates: bool,
    pub(super) shortfall: bool,
    pub(super) max_spend: Option<Amount>,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Preflight {
    /// The job that this file is.
    job: String,
    rows: u64,
    /// Rows that would be sent.
    pub(super) valid: u64,
    /// What they cost before any discount.
    pub(super) cost: Amount,
    /// Rows that give a reference of their own.
    pub(super) named: u64,
    invalid: Lines,
    /// All the lines of invalid rows.
    pub(super) left_out: Vec<u64>,
    /// Rows that another job has sent; `None`: nobody looked.
    sent: Option<Account>,
    /// The lines of those, if they are left out.
    pub(super) skipped: Run,
    /// How many of these repeat an earlier row.
    skipped_again: u64,
    duplicates: Lines,
    elsewhere: Lines,
    /// A column for the plan, and nothing in it.
    no_plan: Lines,
    products: Groups,
    networks: Groups,
    pub(super) balance: Amount,
}

/// A row that could be sent.
struct Valid {
    line: u64,
    named: bool,
    elsewhere: bool,
    no_plan: bool,
    /// The same stands in an earlier row.
    again: bool,
    product: Product,
}

/// Lines of one trouble: all counted, some named.
#[derive(Debug, Default)]
struct Lines {
    count: u64,
    named: Vec<(u64, String)>,
}

impl Lines {
    fn add(&mut self, line: u64, why: impl Into<String>) {
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push((line, why.into()));
        }
    }

    fn json(&self) -> Value {
        let lines: Vec<Value> = self
            .named
            .iter()
            .map(|(line, why)| json!({ "line": line, "why": why }))
            .collect();
        json!({ "rows": self.count, "first": lines })
    }

    fn text(&self) -> String {
        let mut text = self.count.to_string();
        for (line, why) in &self.named {
            text.push_str(&format!("\nline {line}"));
            if !why.is_empty() {
                text.push_str(&format!(": {why}"));
            }
        }
        if self.count > self.named.len() as u64 {
            text.push_str("\n…");
        }
        text
    }
}

/// How many rows of each sort, and what they cost.
#[derive(Debug, Default)]
struct Groups(BTreeMap<String, (u64, Amount)>);

impl Groups {
    /// `None`: more than can be counted.
    fn add(&mut self, name: &str, price: Amount) -> Option<()> {
        match self.0.get_mut(name) {
            Some((count, cost)) => {
                *count += 1;
                *cost = cost.checked_add(price)?;
            }
            None => {
                self.0.insert(name.to_owned(), (1, price));
            }
        }
        Some(())
    }

    fn json(&self) -> Value {
        let group = |(name, (rows, cost)): (&String, &(u64, Amount))| {
            let group = json!({ "rows": rows, "cost": cost.to_string() });
            (name.clone(), group)
        };
        self.0.iter().map(group).collect()
    }

    fn text(&self) -> String {
        let group = |(name, (count, cost)): (&String, &(u64, Amount))| {
            format!("{name}: {}, {cost}", rows(*count))
        };
        self.0.iter().map(group).collect::<Vec<_>>().join("\n")
    }
}

impl Preflight {
    /// Reads the whole file with the checks that sending has too, asks the ledger what other jobs have sent, and the provider
    /// for the balance.
    pub(super) async fn of(question: Question<'_>) -> Result<Self, Failure> {
        let nothing = Amount::from_minor(0, Currency::NGN);
        let mut found = Self {
            job: question.file.job.clone(),
            rows: 0,
            valid: 0,
            cost: nothing,
            named: 0,
            invalid: Lines::default(),
            left_out: Vec::new(),
            sent: question.others.as_ref().map(|_| Account::default()),
            skipped: Run::default(),
            skipped_again: 0,
            duplicates: Lines::default(),
            elsewhere: Lines::default(),
            no_plan: Lines::default(),
            products: Groups::default(),
            networks: Groups::default(),
            balance: nothing,
        };
        let mut file = question.file.rows(question.ignored)?;
        let mut seen = Seen::default();
        let mut asked = Vec::with_capacity(ASKED);
        while let Some(row) = file.next()? {
            asked.extend(found.check(row, question.provider, &mut seen));
            if asked.len() >= ASKED {
                found.ask(&mut asked, &question).await?;
            }
        }
        found.ask(&mut asked, &question).await?;
        let balance = question.provider.balance().await;
        found.balance = balance.map_err(|e| Failure::of_read(&e))?.available;
        Ok(found)
    }

    /// One row by itself; `None`: it is invalid.
    fn check(&mut self, row: Row, provider: &dyn TopupProvider, seen: &mut Seen) -> Option<Valid> {
        self.rows += 1;
        let checked = row.intent.and_then(|intent| {
            let prepared = provider.prepare(&intent);
            let _ = prepared.map_err(|refusal| refusal.as_error().message().to_owned())?;
            Ok(intent)
        });
        // References that the file does not give are made of the line, and differ.
        let checked = checked.and_then(|intent| {
            if !row.named || seen.first(&intent.reference) {
                Ok(intent)
            } else {
                Err("its reference stands in an earlier row".to_owned())
            }
        });
        let intent = match checked {
            Ok(intent) => intent,
            Err(why) => {
                self.invalid.add(row.line, why);
                self.left_out.push(row.line);
                return None;
            }
        };
        let again = !seen.first(&sale(&intent.product));
        if again {
            self.duplicates.add(row.line, "");
        }
        Some(Valid {
            line: row.line,
            named: row.named,
            elsewhere: row.elsewhere,
            no_plan: row.no_plan,
            again,
            product: intent.product,
        })
    }

    /// Takes valid rows in, but for those that another job has sent, if these are left out.
    async fn ask(&mut self, rows: &mut Vec<Valid>, question: &Question<'_>) -> Done {
        let earlier = match &question.others {
            Some(others) => {
                let products = rows.iter().map(|row| row.product.clone()).collect();
                others.sent(&self.job, products).await?
            }
            None => vec![None; rows.len()],
        };
        for (row, earlier) in rows.drain(..).zip(earlier) {
            if let (Some(account), Some(earlier)) = (&mut self.sent, earlier) {
                account.add(earlier);
                if question.skip_sent {
                    self.skipped.push(row.line);
                    self.skipped_again += u64::from(row.again);
                    continue;
                }
            }
            self.take(&row)?;
        }
        Ok(())
    }

    /// A row that would be sent.
    fn take(&mut self, row: &Valid) -> Done {
        let nothing = Amount::from_minor(0, Currency::NGN);
        self.valid += 1;
        self.named += u64::from(row.named);
        if row.elsewhere {
            self.elsewhere.add(row.line, "");
        }
        if row.no_plan {
            self.no_plan.add(row.line, "");
        }
        let price = row.product.price().unwrap_or(nothing);
        let too_much = || Failure::not_sent("the rows together cost more than can be counted");
        self.cost = self.cost.checked_add(price).ok_or_else(too_much)?;
        let network = row.product.operator();
        let network = network.map_or("by prefix", |operator| operator.as_str());
        self.networks
            .add(network, price)
            .and_then(|()| self.products.add(row.product.kind().as_str(), price))
            .ok_or_else(too_much)
    }

    /// Refuses what should be looked at first.
    pub(super) fn admit(&self, tolerance: Tolerance) -> Done {
        if self.skipped_again > 0 {
            output::note(&format!(
                "left out, and wanted more than once by this file: {}; perhaps not as many went out before: compare \
                 with `telco topup report`",
                rows(self.skipped_again)
            ));
        }
        let refuse = |what: String, help: &str| Err(Failure::not_sent(what).help(help));
        if self.invalid.count > 0 && !tolerance.invalid {
            return refuse(
                format!("nothing was sent: invalid: {}", rows(self.invalid.count)),
                "mend them, or leave them out with --skip-invalid",
            );
        }
        if let Some(sent) = self.sent.as_ref().filter(|sent| sent.rows > 0)
            && !tolerance.sent
        {
            return refuse(
                format!("nothing was sent: {}", sent.told()),
                "--skip-sent leaves them out, --send-again sends the same a second time",
            );
        }
        if self.duplicates.count > 0 && !tolerance.duplicates {
            return refuse(
                format!(
                    "nothing was sent: the same number, product and amount as in a row before: {}",
                    rows(self.duplicates.count)
                ),
                "take them out, or send them all with --allow-duplicates",
            );
        }
        if self.valid == 0 {
            return refuse(
                "nothing was sent: no row is left".to_owned(),
                "look at the rows above",
            );
        }
        within(
            tolerance.max_spend,
            self.cost,
            "nothing was sent: the rows cost",
        )?;
        if self.cost.minor() > self.balance.minor() && !tolerance.shortfall {
            return refuse(
                format!(
                    "nothing was sent: the rows cost {}, and the account holds {}",
                    self.cost, self.balance
                ),
                "top the account up, or go as far as it lasts with --allow-shortfall",
            );
        }
        Ok(())
    }

    /// As the answer to `--dry-run`.
    pub(super) fn print(&self, form: Form) -> Done {
        match form {
            Form::Json => output::json(&self.json()),
            Form::Table => output::facts(form, &self.table()),
        }
    }

    /// As a message, before the rows are sent.
    pub(super) fn tell(&self) {
        for (name, value) in self.table() {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            output::note(&format!(
                "{name:<16} {}",
                text.replace('\n', "\n                 ")
            ));
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "known": false,
            "job": self.job,
            "rows": self.rows,
            "valid": self.valid,
            "invalid": self.invalid.json(),
            "sent_before": self.sent.as_ref().map(Account::json),
            "skipped": self.skipped.count(),
            "duplicates": self.duplicates.json(),
            "other_network": self.elsewhere.json(),
            "products": self.products.json(),
            "empty_plan": self.no_plan.json(),
            "networks": self.networks.json(),
            "cost": self.cost.to_string(),
            "balance": self.balance.to_string(),
        })
    }

    fn table(&self) -> Vec<(&'static str, Value)> {
        let sent = match &self.sent {
            Some(sent) if self.skipped.count() > 0 => format!("{}\nleft out", sent.text()),
            Some(sent) => sent.text(),
            None => "not looked for".to_owned(),
        };
        let no_plan = match self.no_plan.count {
            0 => "0".to_owned(),
            _ => format!(
                "{}\nairtime, since no plan stands there",
                self.no_plan.text()
            ),
        };
        vec![
            ("job", json!(self.job)),
            ("rows", json!(self.rows)),
            ("valid", json!(self.valid)),
            ("invalid", json!(self.invalid.text())),
            ("sent before", json!(sent)),
            ("duplicates", json!(self.duplicates.text())),
            ("other network", json!(self.elsewhere.text())),
            ("products", json!(self.products.text())),
            ("empty plan", json!(no_plan)),
            ("networks", json!(self.networks.text())),
            ("cost", json!(self.cost.to_string())),
            ("balance", json!(self.balance.to_string())),
        ]
    }
}

/// Whose, what and how much: two rows that share these are duplicates, whatever network they name.
fn sale(product: &Product) -> impl Hash + '_ {
    let plan = match product {
        Product::Data { plan, .. } => plan.as_deref(),
        _ => None,
    };
    let price = product.price().map(Amount::minor);
    (product.recipient(), product.kind(), plan, price)
}

/// What occurred before, by 64 bits of hash: 8 octets a row. Two different rows that share them would be refused, not sent
/// twice; in a million rows the chance is one in forty million.
#[derive(Default)]
struct Seen {
    hasher: RandomState,
    hashes: HashSet<u64>,
}

impl Seen {
    /// Whether this is the first of its kind.
    fn first(&mut self, what: &impl Hash) -> bool {
        self.hashes.insert(self.hasher.hash_one(what))
    }
}
