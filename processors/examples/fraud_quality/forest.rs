//! An isolation forest over a whole set of rows (Liu, Ting and Zhou, ICDM 2008): the peer that scores are held against. It sees all rows at once, the later ones too, which no
//! stream does.

use eddy_models::random::Random;

const TREES: usize = 200;
const SAMPLE: usize = 256;
/// Levels below which rows are not told apart: log2 of the sample.
const DEPTH: u32 = 8;

enum Node {
    Split {
        feature: usize,
        at: f32,
        below: Box<Node>,
        above: Box<Node>,
    },
    Leaf(usize),
}

/// Mean depth of an unsuccessful search among `n` rows.
fn usual_depth(n: usize) -> f64 {
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => 2.0 * (((n - 1) as f64).ln() + 0.577_215_664_9) - 2.0 * (n - 1) as f64 / n as f64,
    }
}

fn grow(rows: &mut [&[f32]], depth: u32, random: &mut Random) -> Node {
    let features = rows.first().map_or(0, |row| row.len());
    let range = |feature: usize| {
        let values = rows.iter().map(|row| row[feature]);
        values.fold((f32::MAX, f32::MIN), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    };
    let differing: Vec<(usize, f32, f32)> = (0..features)
        .map(|feature| (feature, range(feature)))
        .filter(|(_, (low, high))| low < high)
        .map(|(feature, (low, high))| (feature, low, high))
        .collect();
    if depth == DEPTH || rows.len() < 2 || differing.is_empty() {
        return Node::Leaf(rows.len());
    }
    let (feature, low, high) = differing[random.below(differing.len())];
    let at = low + (high - low) * random.unit() as f32;
    rows.sort_by(|a, b| a[feature].total_cmp(&b[feature]));
    let cut = rows.partition_point(|row| row[feature] <= at);
    let (below, above) = rows.split_at_mut(cut);
    Node::Split {
        feature,
        at,
        below: Box::new(grow(below, depth + 1, random)),
        above: Box::new(grow(above, depth + 1, random)),
    }
}

fn path(mut node: &Node, row: &[f32]) -> f64 {
    let mut depth = 0.0;
    loop {
        match node {
            Node::Leaf(rows) => return depth + usual_depth(*rows),
            Node::Split {
                feature,
                at,
                below,
                above,
            } => {
                node = if row[*feature] <= *at { below } else { above };
                depth += 1.0;
            }
        }
    }
}

/// How alone each row is among all: 0 to 1, one half when it is as others.
pub fn scores(rows: &[&[f32]], seed: u64) -> Vec<f64> {
    let mut random = Random::new(seed);
    let trees: Vec<Node> = (0..TREES)
        .map(|_| {
            let mut sample: Vec<&[f32]> = (0..SAMPLE).map(|_| rows[random.below(rows.len())]).collect();
            grow(&mut sample, 0, &mut random)
        })
        .collect();
    rows.iter()
        .map(|row| {
            let depth = trees.iter().map(|tree| path(tree, row)).sum::<f64>() / TREES as f64;
            2_f64.powf(-depth / usual_depth(SAMPLE))
        })
        .collect()
}
