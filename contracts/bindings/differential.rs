//! Every curve operation of the contracts against blst, on a real chain, in random cases. contracts/differential.sh
//! compiles the contract that offers the operations (contracts/test/Differential.sol) and runs these tests.

use std::error::Error;
use std::time::UNIX_EPOCH;

use alloy::network::TransactionBuilder;
use alloy::primitives::{Address, B256, Bytes, U256, keccak256, uint};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use alloy::sol;
use alloy::sol_types::{SolError, SolValue};
use blst::BLST_ERROR;
use blst::min_sig::{AggregatePublicKey, PublicKey, SecretKey, Signature};

use crate::KeeperRegistry;
use crate::anvil::Anvil;

sol! {
    #[sol(rpc)]
    contract Differential {
        function hashToG1(bytes calldata message, bytes calldata dst) external view returns (bytes memory);
        function verify(bytes calldata signature, bytes calldata message, bytes calldata dst, bytes calldata key)
            external view returns (bool);
        function addG2(bytes calldata a, bytes calldata b) external view returns (bytes memory);
        function subtractG2(bytes calldata a, bytes calldata b) external view returns (bytes memory);
        function pad(bytes calldata packed) external pure returns (bytes memory);
    }
}

type Outcome = Result<(), Box<dyn Error>>;

/// Of each operation.
const CASES: u64 = 1_000;
/// Two chunks of keys, the second one not full.
const COMMITTEE: usize = 70;
const SIGNATURE_DST: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
const POSSESSION_DST: &[u8] = b"BLS_POP_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
/// Number of points in either group.
const ORDER: U256 = uint!(0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001_U256);
/// In this package's folder, where tests run: a path from the build would be that of whichever clone built it first.
const HARNESS: &str = "out/Differential.sol/Differential.json";

/* CHOICES */

/// Random words that follow from a seed. `KEEPER_MESH_SEED` repeats a run's choices.
struct Dice(B256);

impl Dice {
    fn new(what: &str) -> Result<Self, Box<dyn Error>> {
        let seed = match std::env::var("KEEPER_MESH_SEED") {
            Ok(text) => text.parse()?,
            Err(_) => UNIX_EPOCH.elapsed()?.as_secs(),
        };
        eprintln!("{what}: {CASES} cases, KEEPER_MESH_SEED={seed}");
        Ok(Self(keccak256((what, seed).abi_encode())))
    }

    fn word(&mut self) -> U256 {
        self.0 = keccak256(self.0);
        self.0.into()
    }

    /// Not zero, and below the order of the groups.
    fn scalar(&mut self) -> U256 {
        self.word() % (ORDER - U256::ONE) + U256::ONE
    }

    /// Up to 300 bytes: from none to several blocks of SHA-256.
    fn message(&mut self) -> Vec<u8> {
        let length = self.word().wrapping_to::<usize>() % 301;
        let words: Vec<u8> = (0..10).flat_map(|_| self.word().to_be_bytes::<32>()).collect();
        words.into_iter().take(length).collect()
    }

    fn dst(&mut self) -> &'static [u8] {
        if self.word().bit(0) { SIGNATURE_DST } else { POSSESSION_DST }
    }
}

/* BLST */

fn secret(scalar: U256) -> Result<SecretKey, Box<dyn Error>> {
    SecretKey::from_bytes(&scalar.to_be_bytes::<32>()).map_err(|error| format!("{scalar}: {error:?}").into())
}

fn key(scalar: U256) -> Result<PublicKey, Box<dyn Error>> {
    Ok(secret(scalar)?.sk_to_pk())
}

/// The scalar of the point on the other side of infinity.
fn negated(scalar: U256) -> U256 {
    if scalar.is_zero() { scalar } else { ORDER - scalar }
}

/// The sum of the scalars' points, as `added` has it; zero stands for infinity.
fn sum(scalars: &[U256]) -> Result<Vec<u8>, Box<dyn Error>> {
    let keys = scalars.iter().filter(|scalar| !scalar.is_zero()).map(|&scalar| key(scalar));
    added(&keys.collect::<Result<Vec<_>, _>>()?)
}

/// The sum of the keys as the chain has it: 192 bytes, x.c0, x.c1, y.c0, y.c1; zeros for infinity.
fn added(keys: &[PublicKey]) -> Result<Vec<u8>, Box<dyn Error>> {
    if keys.is_empty() {
        return Ok(vec![0; 192]);
    }
    let keys: Vec<&PublicKey> = keys.iter().collect();
    let point = AggregatePublicKey::aggregate(&keys, false).map_err(|error| format!("{error:?}"))?.to_public_key();
    let blst = point.serialize();
    if blst[0] & 0x40 != 0 {
        return Ok(vec![0; 192]); // blst's flag of infinity
    }
    Ok([&blst[48..96], &blst[..48], &blst[144..], &blst[96..144]].concat())
}

/// As the precompiles take it: 16 zeros before each 48 bytes.
fn padded(packed: &[u8]) -> Vec<u8> {
    packed.chunks(48).flat_map(|element| [&[0; 16], element].concat()).collect()
}

fn verifies(signature: &Signature, message: &[u8], dst: &[u8], key: &PublicKey) -> bool {
    signature.verify(true, message, dst, &[], key, true) == BLST_ERROR::BLST_SUCCESS
}

/* CHAIN */

struct Chain {
    provider: DynProvider,
    curve: Differential::DifferentialInstance<DynProvider>,
    _anvil: Anvil,
}

async fn chain() -> Result<Chain, Box<dyn Error>> {
    let anvil = Anvil::start(&[]).await?;
    let text = std::fs::read_to_string(HARNESS).map_err(|error| format!("{HARNESS}: {error}; run differential.sh"))?;
    let compiled: serde_json::Value = serde_json::from_str(&text)?;
    let code: Bytes = compiled["bytecode"]["object"].as_str().ok_or("no bytecode")?.parse()?;
    let provider = anvil.provider.clone();
    let from = *provider.get_accounts().await?.first().ok_or("anvil has no accounts")?;
    let request = TransactionRequest::default().with_from(from).with_deploy_code(code);
    let receipt = provider.send_transaction(request).await?.get_receipt().await?;
    let address = receipt.contract_address.ok_or("no harness")?;
    Ok(Chain { curve: Differential::new(address, provider.clone()), provider, _anvil: anvil })
}

impl Chain {
    /// A registry that takes the harness for its ServiceManager, which may send transactions.
    async fn registry(&self) -> Result<KeeperRegistry::KeeperRegistryInstance<DynProvider>, Box<dyn Error>> {
        let manager = *self.curve.address();
        let rich = U256::from(10).pow(U256::from(24));
        self.provider.raw_request::<_, ()>("anvil_impersonateAccount".into(), (manager,)).await?;
        self.provider.raw_request::<_, ()>("anvil_setBalance".into(), (manager, rich)).await?;
        let creation = KeeperRegistry::deploy_builder(&self.provider, manager, 1, U256::ONE.to());
        let receipt = creation.from(manager).send().await?.get_receipt().await?;
        let address = receipt.contract_address.ok_or("no registry")?;
        Ok(KeeperRegistry::new(address, self.provider.clone()))
    }
}

/// What the registry says an operator proves; see KeeperRegistry.possessionDigest.
fn possession(registry: Address, operator: Address, key: &[u8], peer_key: B256) -> B256 {
    keccak256((U256::from(31337), registry, operator, keccak256(key), peer_key).abi_encode())
}

/* THE OPERATIONS */

#[tokio::test]
#[ignore = "contracts/differential.sh compiles what it needs"]
async fn hash_to_g1() -> Outcome {
    let (chain, mut dice) = (chain().await?, Dice::new("hash to G1")?);
    for case in 0..CASES {
        let (message, dst) = (dice.message(), dice.dst());
        // a signature is the hash times the secret, here one
        let expected = secret(U256::ONE)?.sign(&message, dst, &[]).serialize();
        let point = chain.curve.hashToG1(message.into(), dst.into()).call().await?;
        assert_eq!(point, Bytes::from(padded(&expected)), "case {case}");
    }
    Ok(())
}

/// Points at random, and now and then equal ones, opposite ones and infinity.
fn pair(dice: &mut Dice, case: u64) -> (U256, U256) {
    let (a, b) = (dice.scalar(), dice.scalar());
    match case % 20 {
        0 => (a, a),
        1 => (a, negated(a)),
        2 => (a, U256::ZERO),
        3 => (U256::ZERO, b),
        _ => (a, b),
    }
}

#[tokio::test]
#[ignore = "contracts/differential.sh compiles what it needs"]
async fn add_g2() -> Outcome {
    let (chain, mut dice) = (chain().await?, Dice::new("G2 add")?);
    for case in 0..CASES {
        let (a, b) = pair(&mut dice, case);
        let point = chain.curve.addG2(padded(&sum(&[a])?).into(), padded(&sum(&[b])?).into()).call().await?;
        assert_eq!(point, Bytes::from(padded(&sum(&[a, b])?)), "case {case}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "contracts/differential.sh compiles what it needs"]
async fn subtract_g2() -> Outcome {
    let (chain, mut dice) = (chain().await?, Dice::new("G2 subtract")?);
    for case in 0..CASES {
        let (a, b) = pair(&mut dice, case);
        let point = chain.curve.subtractG2(padded(&sum(&[a])?).into(), sum(&[b])?.into()).call().await?;
        assert_eq!(point, Bytes::from(padded(&sum(&[a, negated(b)])?)), "case {case}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "contracts/differential.sh compiles what it needs"]
async fn pad_and_negate() -> Outcome {
    let (chain, mut dice) = (chain().await?, Dice::new("pad and negate")?);
    for case in 0..CASES {
        let scalar = dice.scalar();
        let packed = Bytes::from(sum(&[scalar])?);
        assert_eq!(chain.curve.pad(packed.clone()).call().await?, Bytes::from(padded(&packed)), "case {case}");
        let point = chain.curve.subtractG2(vec![0; 256].into(), packed).call().await?;
        assert_eq!(point, Bytes::from(padded(&sum(&[negated(scalar)])?)), "case {case}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "contracts/differential.sh compiles what it needs"]
async fn pairing() -> Outcome {
    let (chain, mut dice) = (chain().await?, Dice::new("pairing")?);
    for case in 0..CASES {
        let (mut message, mut dst, mut scalar) = (dice.message(), dice.dst(), dice.scalar());
        let mut signature = secret(scalar)?.sign(&message, dst, &[]);
        match case % 5 {
            1 => message.push(0),
            2 => scalar = dice.scalar(),
            3 => signature = secret(dice.scalar())?.sign(&message, dst, &[]),
            4 => dst = if dst == SIGNATURE_DST { POSSESSION_DST } else { SIGNATURE_DST },
            _ => {}
        }
        let expected = verifies(&signature, &message, dst, &key(scalar)?);
        assert_eq!(expected, case % 5 == 0, "blst, case {case}");
        let (signature, padded_key) = (signature.serialize().to_vec(), padded(&sum(&[scalar])?));
        let call = chain.curve.verify(signature.into(), message.into(), dst.into(), padded_key.into());
        assert_eq!(call.call().await?, expected, "case {case}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "contracts/differential.sh compiles what it needs"]
async fn proof_of_possession() -> Outcome {
    let (chain, mut dice) = (chain().await?, Dice::new("proof of possession")?);
    let registry = chain.registry().await?;
    for case in 0..CASES {
        let (mut operator, mut peer_key) = (Address::from_word(dice.word().into()), B256::from(dice.word()));
        let (scalar, mut signer, mut dst) = (dice.scalar(), None, POSSESSION_DST);
        let packed = sum(&[scalar])?;
        let proven = possession(*registry.address(), operator, &packed, peer_key);
        match case % 5 {
            1 => operator = Address::from_word(dice.word().into()),
            2 => peer_key = dice.word().into(),
            3 => dst = SIGNATURE_DST,
            4 => signer = Some(dice.scalar()),
            _ => {}
        }
        let proof = secret(signer.unwrap_or(scalar))?.sign(proven.as_slice(), dst, &[]);
        let wanted = possession(*registry.address(), operator, &packed, peer_key);
        let expected = verifies(&proof, wanted.as_slice(), POSSESSION_DST, &key(scalar)?);
        assert_eq!(expected, case % 5 == 0, "blst, case {case}");
        let call = registry.register(operator, packed.into(), proof.serialize().to_vec().into(), peer_key);
        match call.from(*chain.curve.address()).call().await {
            Ok(_) => assert!(expected, "taken, case {case}"),
            Err(error) => {
                let reason = error.as_revert_data().unwrap_or_default();
                assert_eq!(reason, Bytes::from(KeeperRegistry::InvalidProofOfPossession::SELECTOR), "case {case}");
                assert!(!expected, "refused, case {case}");
            }
        }
    }
    Ok(())
}

/// The signers' key as the registry makes it, by adding or by taking off, is the sum of their keys.
#[tokio::test]
#[ignore = "contracts/differential.sh compiles what it needs"]
async fn aggregate_keys() -> Outcome {
    let (chain, mut dice) = (chain().await?, Dice::new("aggregate keys")?);
    let registry = chain.registry().await?;
    let manager = *chain.curve.address();
    let scalars: Vec<U256> = (0..COMMITTEE).map(|_| dice.scalar()).collect();
    for &scalar in &scalars {
        let (operator, peer_key) = (Address::from_word(dice.word().into()), B256::from(dice.word()));
        let packed = sum(&[scalar])?;
        let message = possession(*registry.address(), operator, &packed, peer_key);
        let proof = secret(scalar)?.sign(message.as_slice(), POSSESSION_DST, &[]).serialize().to_vec();
        // every registration writes a chunk of up to 64 keys as code
        let call = registry.register(operator, packed.into(), proof.into(), peer_key).from(manager).gas(6_000_000);
        assert!(call.send().await?.get_receipt().await?.status(), "registered");
    }
    while registry.currentEpoch().call().await? == 0 {
        let sent = registry.snapshot().from(manager).gas(12_000_000).send().await?;
        assert!(sent.get_receipt().await?.status(), "taken");
    }
    let keys = scalars.iter().map(|&scalar| key(scalar)).collect::<Result<Vec<_>, _>>()?;
    let everybody = (U256::ONE << COMMITTEE) - U256::ONE;
    for case in 0..CASES {
        let (a, b) = (dice.word(), dice.word());
        // few, half, and most of them; never nobody
        let signers = [a & b, a, a | b][usize::try_from(case % 3)?] & everybody | U256::from(1_u64 << (case % 64));
        let signing: Vec<PublicKey> = (0..COMMITTEE).filter(|&i| signers.bit(i)).map(|i| keys[i]).collect();
        let told = registry.signingKey(1, vec![signers]).call().await?;
        assert_eq!(told.key, Bytes::from(padded(&added(&signing)?)), "case {case}, signers {signers:#x}");
        assert_eq!(told.weight.absent, everybody ^ signers, "case {case}");
        assert_eq!(U256::from(told.weight.signedStake), U256::from(signing.len() as u128 * 10_u128.pow(18)));
    }
    Ok(())
}
