//! `strategy`: how fast, how many at a time, and when to give up.

use super::{Field, Reader};
use crate::playbook::{
    Order, Portion, QuantityError, Strategy, keys::STRATEGY, parse_concurrency, parse_duration, parse_rate,
    reader::Bare,
};

/// In which orders targets may be taken.
const ORDERS: [(&str, Order); 3] =
    [("listed", Order::Listed), ("name", Order::Name), ("random", Order::Random)];

pub(super) fn read(reader: &mut Reader<'_>, field: &Field<'_>) -> Strategy {
    let Some(fields) = reader.fields(field.node, &field.key_span, &STRATEGY) else {
        return Strategy::default();
    };
    let mut duration = |key, what| {
        fields.get(key).and_then(|field| reader.quantity(field, what, Bare::Explained, parse_duration))
    };
    let pause = duration("pause", "a duration such as `5m`");
    let deadline = duration("deadline", "a duration such as `1h`");
    Strategy {
        concurrency: fields
            .get("concurrency")
            .and_then(|field| reader.quantity(field, "a whole number", Bare::Expected, parse_concurrency)),
        rate: fields
            .get("rate")
            .and_then(|field| reader.quantity(field, "a rate such as `300/1m`", Bare::Explained, parse_rate)),
        batches: fields.get("batches").map(|field| batches(reader, field)).unwrap_or_default(),
        pause,
        max_failures: fields.get("max_failures").and_then(|field| {
            reader.quantity(field, "a number or a percentage of targets", Bare::Allowed, str::parse)
        }),
        order: fields.get("order").and_then(|field| reader.one_of(field, &ORDERS)).unwrap_or_default(),
        deadline,
    }
}

fn batches(reader: &mut Reader<'_>, field: &Field<'_>) -> Vec<Portion> {
    let size = |text: &str| match text.parse() {
        Ok(size @ (Portion::Count(0) | Portion::Share(0))) => {
            let message = format!("a batch of {size} is a batch of nobody");
            Err(QuantityError(format!("{message}; write at least `1`, or remove it")))
        }
        read => read,
    };
    let mut sizes = Vec::new();
    for node in reader.one_or_more(field, "no target would ever be started") {
        let one = Field { node, ..field.clone() };
        let what = "a size, a number or a percentage of targets, or a list of them";
        sizes.extend(reader.quantity(&one, what, Bare::Allowed, size));
    }
    sizes
}
