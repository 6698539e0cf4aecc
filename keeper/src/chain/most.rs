//! Where most of several RPC nodes are, for what no single one may decide. A node far ahead of most counts for no more
//! than one far behind: its number may be made up.

/// Blocks a node may be away from most others and still know what they know.
const USUAL_LAG: u64 = 8;

/// Words of nodes, by how far each is beside most of them.
#[derive(Debug)]
pub(crate) struct Most<'a, T> {
    /// Where most are.
    pub(crate) level: Vec<&'a T>,
    /// Further than that: they may be right, or may lie.
    pub(crate) ahead: Vec<&'a T>,
    nodes: usize,
}

impl<'a, T> Most<'a, T> {
    /// Sorts the words of `nodes` nodes, those included that said nothing. `head`: the newest block of one that did.
    pub(crate) fn of(words: impl IntoIterator<Item = &'a T>, nodes: usize, head: impl Fn(&T) -> u64) -> Self {
        let mut words: Vec<&T> = words.into_iter().collect();
        words.sort_by_key(|word| head(word));
        // Of two the lower: one that is far ahead of the only other one has nobody beside it.
        let middle = words.get(words.len().saturating_sub(1) / 2).map_or(0, |word| head(word));
        let (mut level, mut ahead) = (Vec::new(), Vec::new());
        for word in words {
            if head(word) > middle.saturating_add(USUAL_LAG) {
                ahead.push(word);
            } else if middle - head(word).min(middle) <= USUAL_LAG {
                level.push(word);
            }
        }
        Self { level, ahead, nodes }
    }

    /// # Errors
    /// Not more than half of all nodes are where most are; words for it.
    pub(crate) fn are_enough(&self) -> Result<(), String> {
        let (level, nodes) = (self.level.len(), self.nodes);
        if level * 2 > nodes {
            return Ok(());
        }
        let ahead = match self.ahead.len() {
            0 => String::new(),
            ahead => format!(" ({ahead} far ahead of the others)"),
        };
        Err(format!("{level} of {nodes} RPC nodes are up to date{ahead}, more than half are needed"))
    }
}

#[cfg(test)]
mod tests {
    use super::Most;

    #[test]
    fn nodes_are_measured_from_where_most_are() {
        for (heads, nodes, level, ahead, enough) in [
            (&[][..], 1, &[][..], &[][..], false),
            (&[90], 1, &[90], &[], true),
            (&[90], 2, &[90], &[], false),
            (&[90, 82], 2, &[82, 90], &[], true),
            (&[90, 81], 2, &[81], &[90], false),
            (&[90, 88, 40], 3, &[88, 90], &[], true),
            (&[90, 40, 40], 3, &[40, 40], &[90], true),
            (&[u64::MAX, 90, 90], 3, &[90, 90], &[u64::MAX], true),
            (&[u64::MAX, 90], 2, &[90], &[u64::MAX], false),
            (&[u64::MAX, u64::MAX, 0], 3, &[u64::MAX, u64::MAX], &[], true),
        ] {
            let most = Most::of(heads, nodes, |head| *head);
            let plain = |heads: &[&u64]| heads.iter().map(|head| **head).collect::<Vec<_>>();
            assert_eq!((plain(&most.level), plain(&most.ahead)), (level.to_vec(), ahead.to_vec()), "{heads:?}");
            assert_eq!(most.are_enough().is_ok(), enough, "{heads:?} of {nodes}");
        }
    }
}
