//! Starts that are prepared before they leave, and everything else that is on its way.

use proptest::prelude::*;

use super::{
    super::{Budget, Knowledge, LetThrough, Operation, RunTime, Signals, Terms, Ticket, Wait},
    seconds,
};

/// One that knows of no limit, and of none to be careful about.
fn free(connections: usize) -> Budget {
    let let_through = Some(LetThrough { requests: 1000, span: seconds(1) });
    let mut budget = Budget::new(&Terms {
        connections,
        known: Knowledge { limits: Vec::new(), let_through },
        ..Terms::default()
    });
    budget.prepare_starts();
    budget
}

fn take(budget: &mut Budget, operation: Operation) -> Result<Ticket, Wait> {
    budget.take(RunTime::START, operation, Some(0))
}

#[test]
fn what_is_prepared_holds_no_connection_until_it_leaves() {
    let mut budget = free(1);
    let start = take(&mut budget, Operation::Start).unwrap();
    let poll = take(&mut budget, Operation::Poll).unwrap();
    assert_eq!(take(&mut budget, Operation::Probe), Err(Wait::ForAnswer));
    budget.answered(RunTime::START, poll, &Signals::default());
    budget.leaves(start);
    assert_eq!(take(&mut budget, Operation::Probe), Err(Wait::ForAnswer));
    budget.unanswered(start);
    assert!(take(&mut budget, Operation::Probe).is_ok());
}

#[test]
fn so_many_are_prepared_and_others_go_on() {
    let mut budget = free(3);
    let starts: Vec<Ticket> = std::iter::from_fn(|| take(&mut budget, Operation::Start).ok()).collect();
    assert_eq!(starts.len(), 6);
    assert!(take(&mut budget, Operation::Poll).is_ok());
    budget.unanswered(starts[0]);
    assert!(take(&mut budget, Operation::Start).is_ok());
}

proptest! {
    /// Nothing is allowed while as many have left as may, and nothing is lost count of.
    #[test]
    fn no_more_are_on_their_way_than_may_be(
        connections in 1_usize..6,
        choices in prop::collection::vec((0_usize..5, 0_usize..64), 1..300),
    ) {
        let mut budget = free(connections);
        let (mut prepared, mut left) = (Vec::new(), Vec::new());
        for (choice, which) in choices {
            match choice {
                0 => match take(&mut budget, Operation::Start) {
                    Ok(ticket) => {
                        prop_assert!(left.len() < connections && prepared.len() < 2 * connections);
                        prepared.push(ticket);
                    }
                    Err(_) => prop_assert!(left.len() >= connections || prepared.len() == 2 * connections),
                },
                1 => match take(&mut budget, Operation::Poll) {
                    Ok(ticket) => {
                        prop_assert!(left.len() < connections);
                        left.push(ticket);
                    }
                    Err(_) => prop_assert!(left.len() >= connections),
                },
                2 if !prepared.is_empty() => {
                    let ticket = prepared.swap_remove(which % prepared.len());
                    budget.leaves(ticket);
                    left.push(ticket);
                }
                3 if !prepared.is_empty() => budget.unanswered(prepared.swap_remove(which % prepared.len())),
                4 if !left.is_empty() => {
                    budget.answered(RunTime::START, left.swap_remove(which % left.len()), &Signals::default());
                }
                _ => {}
            }
        }
    }
}
