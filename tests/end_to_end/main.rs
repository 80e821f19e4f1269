//! The program against itself: `strongroom serve` with its private database, and the commands that speak to it.

#[cfg(test)]
mod apart;
#[cfg(test)]
mod bucket;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod damage;
#[cfg(test)]
#[path = "../disk/mod.rs"]
mod disk;
#[cfg(test)]
mod events;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod full;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod interrupted;
#[cfg(test)]
mod measured;
#[cfg(test)]
mod noted;
#[cfg(test)]
mod packages;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod process;
#[cfg(test)]
mod ranges;
#[cfg(test)]
mod refused;
#[cfg(test)]
#[path = "../s3_server/mod.rs"]
mod s3_server;
#[cfg(test)]
mod site;
#[cfg(test)]
mod tiered;
#[cfg(test)]
mod unnamed;
