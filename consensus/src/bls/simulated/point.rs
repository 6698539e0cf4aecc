//! Points nobody has looked at: numbers have no subgroup to be outside of, so here every point is a signature.

use super::{BlsError, Signature, curve, is_on, plus};

/// A point of either kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Point {
    /// On the curve.
    Curve(curve::Point),
    /// A stand-in.
    Number(Signature),
}

impl Point {
    /// See the curve's.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BlsError> {
        if is_on() {
            Signature::from_bytes(bytes).map(Self::Number)
        } else {
            curve::Point::from_bytes(bytes).map(Self::Curve)
        }
    }

    /// See the curve's.
    pub fn check(&self) -> Result<Signature, BlsError> {
        match self {
            Self::Curve(point) => point.check().map(Signature::Curve),
            Self::Number(signature) => Ok(*signature),
        }
    }
}

impl From<Signature> for Point {
    fn from(signature: Signature) -> Self {
        match signature {
            Signature::Curve(signature) => Self::Curve(signature.into()),
            Signature::Number(_) => Self::Number(signature),
        }
    }
}

/// See the curve's.
pub fn sum_points(points: &[Point]) -> Option<Signature> {
    if is_on() {
        let number = |point: &Point| if let Point::Number(signature) = point { signature.number() } else { None };
        let sum = points.iter().try_fold(0, |sum, point| Some(plus(sum, number(point)?)))?;
        return (sum != 0).then_some(Signature::Number(sum));
    }
    let on_curve = |point: &Point| if let Point::Curve(point) = point { Some(*point) } else { None };
    curve::sum_points(&points.iter().map(on_curve).collect::<Option<Vec<_>>>()?).map(Signature::Curve)
}
