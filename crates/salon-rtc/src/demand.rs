//! Which encodings of a picture any viewer wants, over all shards.

use std::collections::BTreeMap;

use salon_core::TrackId;
use salon_fanout::layer::Layers;

use crate::event::Event;
use crate::media::StageId;
use crate::mesh::{Crossing, Debt};
use crate::shard::Shard;
use crate::tracks::Origin;
use crate::world::World;

/// What is wanted of one track: at home by every shard that watches, elsewhere by this one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demand {
    /// A shard that has said nothing may want all.
    by_shard: BTreeMap<Shard, Layers>,
    /// What the embedder was told; all are sent until it is told anything.
    told: Option<Layers>,
}

impl Demand {
    /// What the shards `watching` want together, if the embedder does not know it yet.
    fn take_change(&mut self, watching: impl Iterator<Item = Shard>) -> Option<Layers> {
        let of = |shard| self.by_shard.get(&shard).copied().unwrap_or(Layers::ALL);
        let wanted =
            watching.fold(Layers::NONE, |all, shard| of(shard).iter().fold(all, Layers::with));
        let is_new = self.told.unwrap_or(Layers::ALL) != wanted;
        is_new.then(|| *self.told.insert(wanted))
    }
}

impl World {
    /// A shard, perhaps this one, wants these layers of a track and no others.
    pub(crate) fn want_layers(&mut self, track: TrackId, shard: Shard, layers: Layers) {
        let Some(known) = self.media.tracks.get_mut(&track) else { return };
        known.demand.by_shard.insert(shard, layers);
        self.tell_layers(track);
    }

    /// A shard has begun to watch a stage, and has not said what it wants; or it watches no more.
    pub(crate) fn forget_demand(&mut self, stage: StageId, shard: Shard) {
        let its = self.media.tracks.iter_mut().filter(|(_, track)| track.stage == stage);
        let mut tracks = Vec::new();
        for (track, known) in its {
            known.demand.by_shard.remove(&shard);
            tracks.push(*track);
        }
        for track in tracks {
            self.tell_layers(track);
        }
    }

    /// Tells whoever can do something about it what is wanted of a track.
    pub(crate) fn tell_layers(&mut self, track: TrackId) {
        let own = self.mesh.own();
        let Some(known) = self.media.tracks.get_mut(&track) else { return };
        match known.origin {
            Origin::Seat(_) => {
                let stage = self.stages.get(&known.stage);
                let others = stage.into_iter().flat_map(|stage| &stage.subscribers).copied();
                if let Some(layers) = known.demand.take_change(others.chain([own])) {
                    let (stage, slot) = (known.stage, known.slot.number());
                    self.events.send(Event::LayersWanted { stage, slot, layers });
                }
            }
            Origin::Shard(home) => {
                let Some(layers) = known.demand.by_shard.get(&own).copied() else { return };
                let wish = Crossing::LayersWanted { track, shard: own, layers };
                if !self.mesh.send(home, wish) {
                    self.mesh.owe(Debt::Layers { track });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use salon_fanout::layer::Layer;

    use super::*;

    #[test]
    fn a_layer_is_wanted_as_long_as_one_shard_wants_it() {
        let (here, there) = (Shard(0), Shard(1));
        let low = Layers::NONE.with(Layer::ONLY);
        let mut demand = Demand::default();
        assert_eq!(demand.take_change([here].into_iter()), None);
        demand.by_shard.insert(here, low);
        // The other has not said what it wants.
        assert_eq!(demand.take_change([here, there].into_iter()), None);
        demand.by_shard.insert(there, Layers::NONE);
        assert_eq!(demand.take_change([here, there].into_iter()), Some(low));
        assert_eq!(demand.take_change([here, there].into_iter()), None);
        demand.by_shard.insert(there, Layers::NONE.with(Layer::TOP));
        assert_eq!(demand.take_change([here, there].into_iter()), Some(low.with(Layer::TOP)));
        assert_eq!(demand.take_change([here].into_iter()), Some(low));
    }
}
