//! All mutants of a file in one text, each behind its switch: `a < b` becomes `(if crate::__mutant(7) { a <= b } else { a < b })`.
//! Only one is ever on, so that what a mutant puts in place needs no switches inside.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::list::{Mutant, Place};
use crate::Failure;

/// A file with switches.
#[derive(Debug, Default)]
pub(crate) struct Switched {
    pub(crate) text: String,
    /// What was written for which mutant.
    pub(crate) written: Vec<(Range<usize>, usize)>,
    /// What of the text is under a mutant's switch, by mutant.
    pub(crate) under: BTreeMap<usize, Range<usize>>,
    /// `&&` in a chain with `let`, where no other operator can stand; an arm without which something is not covered.
    pub(crate) unviable: Vec<usize>,
    /// In functions that have to be `const`, and where no place was found.
    pub(crate) apart: Vec<usize>,
}

/// What of a file can be replaced, by where its mutant begins.
#[derive(Default)]
struct Found {
    /// An operator's expression, and whether it is in a chain with `let`.
    operators: BTreeMap<usize, (Range<usize>, bool)>,
    /// The end of the pattern of an arm, and whether another arm takes everything.
    arms: BTreeMap<usize, (usize, bool)>,
    /// The value of a struct literal's field, the name to write before it, and what the field would be otherwise.
    fields: BTreeMap<usize, (Range<usize>, String, String)>,
    /// `const` functions: the word, the whole, the name.
    constants: Vec<(Range<usize>, Range<usize>, String)>,
}

fn bytes(node: &impl Spanned) -> Range<usize> {
    node.span().byte_range()
}

fn text(node: &impl Spanned) -> String {
    node.span().source_text().unwrap_or_default()
}

fn has_let(expression: &syn::Expr) -> bool {
    match expression {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(pair) => has_let(&pair.left) || has_let(&pair.right),
        _ => false,
    }
}

impl Found {
    fn function(&mut self, signature: &syn::Signature, whole: Range<usize>) {
        if let Some(word) = &signature.constness {
            let name = signature.ident.to_string();
            self.constants.push((bytes(word), whole, name));
        }
    }
}

impl<'ast> Visit<'ast> for Found {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, bytes(item));
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, bytes(item));
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_expr_binary(&mut self, pair: &'ast syn::ExprBinary) {
        let chain = has_let(&pair.left) || has_let(&pair.right);
        self.operators
            .insert(bytes(&pair.op).start, (bytes(pair), chain));
        visit::visit_expr_binary(self, pair);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        self.operators
            .insert(bytes(&unary.op).start, (bytes(unary), false));
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_match(&mut self, expression: &'ast syn::ExprMatch) {
        // Behind a guard, an arm covers nothing, just as where it is left out.
        let all = expression.arms.iter().filter(|arm| match &arm.pat {
            syn::Pat::Wild(_) => true,
            syn::Pat::Ident(name) => name.ident.to_string().starts_with(char::is_lowercase),
            _ => false,
        });
        for arm in &expression.arms {
            let covered = all.clone().any(|other| bytes(other) != bytes(arm));
            self.arms
                .insert(bytes(arm).start, (bytes(&arm.pat).end, covered));
        }
        visit::visit_expr_match(self, expression);
    }

    fn visit_expr_struct(&mut self, literal: &'ast syn::ExprStruct) {
        for field in &literal.fields {
            let Some(rest) = &literal.rest else { break };
            let (path, rest, name) = (text(&literal.path), text(rest), text(&field.member));
            let before = match field.colon_token {
                Some(_) => String::new(),
                None => format!("{name}: "),
            };
            // `Default::default()` has to be told of what.
            let otherwise = if rest.ends_with(')') {
                format!("{{ let base: {path} = {rest}; base.{name} }}")
            } else {
                format!("({rest}).{name}")
            };
            let value = bytes(&field.expr);
            self.fields
                .insert(bytes(field).start, (value, before, otherwise));
        }
        visit::visit_expr_struct(self, literal);
    }
}

/// Where in a text a line and a column are.
fn offset(source: &str, (line, column): Place) -> Option<usize> {
    let lines = source.split_inclusive('\n');
    let start: usize = lines.take(line.checked_sub(1)?).map(str::len).sum();
    let rest = source.get(start..)?;
    let mut places = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    places.nth(column.checked_sub(1)?).map(|at| start + at)
}

/// Something to write at a place. What ends there comes before what begins there; the wider begins first and ends last.
struct Insert {
    order: (usize, bool, usize),
    text: String,
    mutant: Option<usize>,
}

/// A choice of expressions around one: its range, what is written before it, and what may stand for it.
type Choices = BTreeMap<(usize, usize), (String, Vec<(usize, String)>)>;

/// Switches for these mutants of a file. Functions named in `constant` stay `const`, and have none.
pub(crate) fn switch(
    source: &str,
    mutants: &[(usize, &Mutant)],
    constant: &BTreeSet<String>,
) -> Result<Switched, Failure> {
    let mut found = Found::default();
    found.visit_file(&syn::parse_file(source)?);
    let mut switched = Switched::default();
    let mut source = source.to_owned();
    let mut inserts = Vec::new();
    let mut choices = Choices::new();
    for &(id, mutant) in mutants {
        let places = offset(&source, mutant.start).zip(offset(&source, mutant.end));
        let Some((start, end)) = places else {
            switched.apart.push(id);
            continue;
        };
        let mut functions = found.constants.iter();
        if let Some((word, _, name)) = functions.rfind(|(_, whole, _)| whole.contains(&start)) {
            if constant.contains(name) {
                switched.apart.push(id);
                continue;
            }
            source.replace_range(word.clone(), "     ");
        }
        let with = &mutant.replacement;
        let mut choose = |whole: Range<usize>, before: &str, with: String| {
            let (written, all) = choices.entry((whole.start, whole.end)).or_default();
            before.clone_into(written);
            all.push((id, with));
        };
        match mutant.genre.as_str() {
            "FnValue" => {
                let text = format!("if crate::__mutant({id}) {{ return {with}; }} ");
                inserts.push(insert((start, true, 0), text, Some(id)));
                inserts.push(insert((end, false, usize::MAX), String::new(), Some(id)));
            }
            "MatchArm" => match found.arms.get(&start) {
                Some((_, false)) => switched.unviable.push(id),
                Some((pattern, true)) => {
                    let text = format!(" if !crate::__mutant({id})");
                    inserts.push(insert((*pattern, false, 0), text, Some(id)));
                }
                None => switched.apart.push(id),
            },
            "MatchArmGuard" => choose(start..end, "", with.clone()),
            "StructField" => match found.fields.get(&start) {
                Some((value, before, otherwise)) => {
                    choose(value.clone(), before, otherwise.clone());
                }
                None => switched.apart.push(id),
            },
            _ => match found.operators.get(&start) {
                Some((_, true)) => switched.unviable.push(id),
                Some((whole, false)) => {
                    let before = source.get(whole.start..start).unwrap_or_default();
                    let after = source.get(end..whole.end).unwrap_or_default();
                    choose(whole.clone(), "", format!("{before}{with}{after}"));
                }
                None => switched.apart.push(id),
            },
        }
    }
    for ((start, end), (before, all)) in choices {
        let begins = (start, true, usize::MAX - (end - start));
        let ends = (end, false, end - start);
        inserts.push(insert(begins, format!("{before}("), None));
        for (id, with) in all {
            let text = format!("if crate::__mutant({id}) {{ {with} }} else ");
            inserts.push(insert(begins, text, Some(id)));
            inserts.push(insert(ends, String::new(), Some(id)));
        }
        inserts.push(insert(begins, "{ ".into(), None));
        inserts.push(insert(ends, " })".into(), None));
    }
    inserts.sort_by_key(|insert| insert.order);
    let mut copied = 0;
    for Insert {
        order,
        text,
        mutant,
    } in inserts
    {
        switched.text += source.get(copied..order.0).unwrap_or_default();
        copied = order.0;
        let from = switched.text.len();
        switched.text += &text;
        let to = switched.text.len();
        if let Some(id) = mutant {
            switched.under.entry(id).or_insert(from..to).end = to;
            switched.written.push((from..to, id));
        }
    }
    switched.text += source.get(copied..).unwrap_or_default();
    Ok(switched)
}

fn insert(order: (usize, bool, usize), text: String, mutant: Option<usize>) -> Insert {
    Insert {
        order,
        text,
        mutant,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
const fn less(a: u8, b: u8) -> bool {
    a < b && a != 0
}
fn kind(n: u8) -> u8 {
    match n {
        1 => 2,
        n if n > 5 => 3,
        _ => 0,
    }
}
fn first(list: &[u8]) -> bool {
    if let [first, ..] = list && *first == 1 { true } else { false }
}
";

    /// The mutant that replaces, or the function whose body begins there, the only such text of the source.
    fn mutant(genre: &str, text: &str, replacement: &str) -> Mutant {
        let at = SOURCE.find(text).unwrap();
        let before = SOURCE.get(..at).unwrap();
        let line = before.matches('\n').count() + 1;
        let column = at - before.rfind('\n').map_or(0, |end| end + 1) + 1;
        Mutant {
            package: String::new(),
            file: String::new(),
            genre: genre.into(),
            start: (line, column),
            end: (line, column + text.len()),
            replacement: replacement.into(),
            returns: String::new(),
            name: String::new(),
        }
    }

    fn switched(mutants: &[Mutant], constant: &[&str]) -> Switched {
        let mutants: Vec<_> = mutants.iter().enumerate().collect();
        let constant = constant.iter().map(|name| (*name).to_owned()).collect();
        let switched = switch(SOURCE, &mutants, &constant).unwrap();
        syn::parse_file(&switched.text).unwrap();
        switched
    }

    #[test]
    fn expressions_bodies_arms_and_guards_have_switches() {
        let all = [
            mutant("BinaryOperator", "<", "<="),
            mutant("BinaryOperator", "&&", "||"),
            mutant("FnValue", "a < b && a != 0", "true"),
            mutant("MatchArm", "1 => 2,", ""),
            mutant("MatchArmGuard", "n > 5", "true"),
        ];
        let switched = switched(&all, &[]);
        for line in [
            "      fn less(a: u8, b: u8) -> bool {",
            "    if crate::__mutant(2) { return true; } (if crate::__mutant(1) { a < b || a != 0 } else \
             { (if crate::__mutant(0) { a <= b } else { a < b }) && a != 0 })",
            "        1 if !crate::__mutant(3) => 2,",
            "        n if (if crate::__mutant(4) { true } else { n > 5 }) => 3,",
        ] {
            assert!(
                switched.text.contains(line),
                "{line}\nin\n{}",
                switched.text
            );
        }
        let (range, id) = switched.written.iter().find(|(_, id)| *id == 0).unwrap();
        let written = switched.text.get(range.clone()).unwrap();
        assert_eq!(
            (written, *id),
            ("if crate::__mutant(0) { a <= b } else ", 0)
        );
        assert!(switched.under.get(&2).unwrap().len() > switched.under.get(&1).unwrap().len());
    }

    #[test]
    fn what_cannot_be_switched_is_told() {
        let all = [
            mutant("BinaryOperator", "&& *first", "||"),
            mutant("BinaryOperator", "<", "<="),
        ];
        let switched = switched(&all, &["less"]);
        assert_eq!(switched.unviable, [0]);
        assert_eq!(switched.apart, [1]);
        assert_eq!(switched.text, SOURCE);
    }
}
