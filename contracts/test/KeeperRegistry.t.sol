// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Initializable} from "@openzeppelin/contracts/proxy/utils/Initializable.sol";
import {OwnableUpgradeable} from "@openzeppelin/contracts-upgradeable/access/OwnableUpgradeable.sol";
import {ICertificateVerifier} from "../src/interfaces/ICertificateVerifier.sol";
import {IKeeperRegistry} from "../src/interfaces/IKeeperRegistry.sol";
import {KeeperRegistry} from "../src/KeeperRegistry.sol";
import {BLS12381} from "../src/libraries/BLS12381.sol";
import {Signing} from "./Signing.sol";
import {OUTSIDE_G2, World} from "./World.sol";

contract KeeperRegistryTest is World {
    /* REGISTRATION */

    function test_leaders_everybodyWithStakeOnce() public {
        uint16[] memory drawn = registry.leaders(1, keccak256("seed"));
        equal(drawn.length, KEEPERS, "five stages");
        uint256 seen = 0;
        for (uint256 i = 0; i < drawn.length; ++i) {
            seen |= 1 << drawn[i];
        }
        equal(seen, ALL, "everybody");
        quit(operatorOf(2));
        vm.warp(block.timestamp + EPOCH_SECONDS);
        openEpoch();
        equal(registry.leaders(2, keccak256("seed")).length, KEEPERS - 1, "one has left");
        vm.expectRevert(abi.encodeWithSelector(ICertificateVerifier.UnknownEpoch.selector, 9));
        registry.leaders(9, 0);
    }

    function test_register_remembersTheOperator() public view {
        for (uint256 i = 0; i < KEEPERS; ++i) {
            IKeeperRegistry.Operator memory record = registry.operatorInfo(operatorOf(i));
            equal(record.index, i, "places in the order of arrival");
            check(record.registered && record.known, "registered");
            equal(record.peerKey, peerKeyOf(i), "peer key");
            equal(record.keyHash, keccak256(Signing.publicKey(secretOf(i))), "key hash");
            equal(registry.operatorAt(1, uint16(i)), operatorOf(i), "by index");
        }
        equal(registry.operatorCount(), KEEPERS, "count");
        equal(registry.operatorAt(1, 99), address(0), "nobody");
    }

    function test_register_onlyThroughServiceManager() public {
        vm.expectRevert(IKeeperRegistry.OnlyServiceManager.selector);
        registry.register(operatorOf(9), "", "", 0);
        vm.expectRevert(IKeeperRegistry.OnlyServiceManager.selector);
        registry.deregister(operatorOf(0));
    }

    function test_register_refusesMalformedKeysAndProofs() public {
        bytes memory key = Signing.publicKey(secretOf(9));
        bytes memory proof = proofFor(operatorOf(9), key, secretOf(9), peerKeyOf(9));
        refused(operatorOf(9), new bytes(191), proof, peerKeyOf(9), IKeeperRegistry.InvalidKeyLength.selector);
        refused(operatorOf(9), key, new bytes(97), peerKeyOf(9), ICertificateVerifier.InvalidSignatureLength.selector);
        refused(operatorOf(9), new bytes(192), proof, peerKeyOf(9), ICertificateVerifier.InfinityKey.selector);
        bytes4 invalid = IKeeperRegistry.InvalidProofOfPossession.selector;
        refused(operatorOf(9), key, new bytes(96), peerKeyOf(9), invalid);
        refused(operatorOf(9), key, proofFor(operatorOf(9), key, secretOf(8), peerKeyOf(9)), peerKeyOf(9), invalid);
        refused(
            operatorOf(9),
            OUTSIDE_G2,
            proofFor(operatorOf(9), OUTSIDE_G2, secretOf(9), peerKeyOf(9)),
            peerKeyOf(9),
            invalid
        );
        bytes memory other = Signing.uncanonical(key);
        bytes memory otherProof = proofFor(operatorOf(9), other, secretOf(9), peerKeyOf(9));
        refused(operatorOf(9), other, otherProof, peerKeyOf(9), invalid);
        refused(operatorOf(9), key, Signing.uncanonical(proof), peerKeyOf(9), invalid);
        refused(operatorOf(9), key, proof, 0, IKeeperRegistry.ZeroPeerKey.selector);
    }

    /// A proof copied from another operator, another registry or another chain proves nothing.
    function test_register_proofIsBoundToOperatorAndChain() public {
        bytes memory key = Signing.publicKey(secretOf(9));
        bytes memory proof = proofFor(operatorOf(9), key, secretOf(9), peerKeyOf(9));
        bytes4 invalid = IKeeperRegistry.InvalidProofOfPossession.selector;
        refused(operatorOf(8), key, proof, peerKeyOf(8), invalid);
        vm.chainId(1);
        refused(operatorOf(9), key, proof, peerKeyOf(9), invalid);
    }

    /// The signature domain of results must not double as a proof of possession.
    function test_register_refusesProofUnderTheSignatureDomain() public {
        bytes memory key = Signing.publicKey(secretOf(9));
        bytes32 message = registry.possessionDigest(operatorOf(9), key, peerKeyOf(9));
        bytes memory proof = Signing.sign(secretOf(9), message, BLS12381.SIGNATURE_DST);
        refused(operatorOf(9), key, proof, peerKeyOf(9), IKeeperRegistry.InvalidProofOfPossession.selector);
    }

    function test_register_keysAreUniqueForEver() public {
        quit(operatorOf(0));
        bytes memory key = Signing.publicKey(secretOf(0));
        bytes memory proof = proofFor(operatorOf(9), key, secretOf(0), peerKeyOf(9));
        refused(operatorOf(9), key, proof, peerKeyOf(9), IKeeperRegistry.KeyInUse.selector);
        key = Signing.publicKey(secretOf(9));
        proof = proofFor(operatorOf(9), key, secretOf(9), peerKeyOf(9));
        refused(operatorOf(9), key, proof, peerKeyOf(0), IKeeperRegistry.PeerKeyInUse.selector);
    }

    function test_register_wantsStake() public {
        bytes memory data = registration(operatorOf(9), secretOf(9), peerKeyOf(9));
        vm.expectRevert(IKeeperRegistry.NoStake.selector);
        this.registerAs(operatorOf(9), data);
        allocate(operatorOf(9), 1e16 - 1); // a wei below one ether
        vm.expectRevert(IKeeperRegistry.NoStake.selector);
        this.registerAs(operatorOf(9), data);
        allocate(operatorOf(9), 1e16);
        registerWith(operatorOf(9), data);
    }

    function test_register_refusesTheSecondTime() public {
        bytes memory data = registration(operatorOf(0), secretOf(0), peerKeyOf(0));
        (bytes memory key, bytes memory proof, bytes32 peerKey) = abi.decode(data, (bytes, bytes, bytes32));
        vm.prank(address(service));
        vm.expectRevert(IKeeperRegistry.AlreadyRegistered.selector);
        registry.register(operatorOf(0), key, proof, peerKey);
    }

    function test_register_placesAreLimited() public {
        bytes memory data;
        for (uint256 i = KEEPERS; i < 257; ++i) {
            allocate(operatorOf(i), 1e18);
            data = registration(operatorOf(i), secretOf(i), peerKeyOf(i));
            if (i < 256) registerWith(operatorOf(i), data);
        }
        vm.expectRevert(IKeeperRegistry.TooManyOperators.selector);
        this.registerAs(operatorOf(256), data);
        openEpoch();
        IKeeperRegistry.Epoch memory info = registry.epochInfo(2);
        equal(info.size, 256, "a full committee");
        equal(info.totalStake, 25_600 ether, "its stake");
        IKeeperRegistry.Member[] memory members = registry.committee(2);
        equal(members[255].blsKey, Signing.publicKey(secretOf(255)), "a key of the last chunk");
        uint256[] memory signers = new uint256[](1);
        signers[0] = type(uint256).max >> 1;
        ICertificateVerifier.Weight memory result = registry.weigh(2, signers);
        equal(result.absent, 1 << 255, "the last one is absent");
        equal(result.signedStake, 25_500 ether, "stake of the others");
    }

    /* LEAVING AND COMING BACK */

    function test_deregister_emptiesTheRowAndKeepsThePlaces() public {
        quit(operatorOf(2));
        registry.snapshot();
        IKeeperRegistry.Member[] memory members = registry.committee(2);
        equal(members.length, KEEPERS, "as many rows");
        equal(members[2].stake, 0, "its row is empty");
        equal(members[3].operator, operatorOf(3), "the next one keeps its place");
        equal(registry.epochInfo(2).totalStake, 400 ether, "total");
        equal(registry.stakeOf(1, 2), 100 ether, "the earlier epoch is as it was");
    }

    function test_deregister_neverReverts() public {
        vm.startPrank(address(service));
        registry.deregister(address(0xdead));
        registry.deregister(operatorOf(1));
        registry.deregister(operatorOf(1));
        vm.stopPrank();
        check(!registry.operatorInfo(operatorOf(1)).registered, "gone");
    }

    /// EigenLayer keeps stake slashable for weeks after an operator left; it must not go on counting here.
    function test_deregister_countsNoMoreThoughItsStakeIsStillThere() public {
        vm.prank(address(service));
        registry.deregister(operatorOf(1));
        registry.snapshot();
        equal(registry.stakeOf(2, 1), 0, "no row");
        equal(registry.epochInfo(2).totalStake, 400 ether, "nor part of the total");
    }

    function test_register_againWithNewKeyKeepsThePlace() public {
        quit(operatorOf(1));
        registerWith(operatorOf(1), registration(operatorOf(1), secretOf(77), peerKeyOf(77)));
        registry.snapshot();
        IKeeperRegistry.Member[] memory members = registry.committee(2);
        equal(members[1].operator, operatorOf(1), "same place");
        equal(members[1].blsKey, Signing.publicKey(secretOf(77)), "new key");
        equal(members[0].blsKey, Signing.publicKey(secretOf(0)), "the others' keys are untouched");
        equal(registry.committee(1)[1].blsKey, Signing.publicKey(secretOf(1)), "the earlier epoch has the old key");
    }

    /* EPOCHS */

    function test_snapshot_opensTheEpochWithTheNextBlock() public view {
        IKeeperRegistry.Epoch memory info = registry.epochInfo(1);
        equal(info.activeFrom, 1001, "block after the snapshot");
        equal(info.activeUntil, 0, "still open");
        equal(info.size, KEEPERS, "size");
        equal(info.totalStake, 500 ether, "stake");
        equal(info.tableRoot, info.table.codehash, "root");
    }

    function test_snapshot_closesTheEpochBefore() public {
        allocate(operatorOf(0), 5e17);
        registry.snapshot();
        equal(registry.epochInfo(1).activeUntil, block.number, "closed with this block");
        equal(registry.epochInfo(2).activeFrom, block.number + 1, "no block without an epoch");
        equal(registry.epochAt(1000), 0, "before the first");
        equal(registry.epochAt(1001), 1, "first block of the first");
        equal(registry.epochAt(uint64(block.number)), 1, "last block of the first");
        equal(registry.epochAt(uint64(block.number + 1)), 2, "first block of the second");
    }

    function test_snapshot_waitsForItsTime() public {
        allocate(operatorOf(0), 5e17);
        registry.snapshot();
        allocate(operatorOf(0), 4e17);
        uint256 due = block.timestamp + EPOCH_SECONDS;
        vm.warp(due - 1);
        vm.expectRevert(abi.encodeWithSelector(IKeeperRegistry.EpochNotDue.selector, due));
        registry.snapshot();
        vm.warp(due);
        equal(registry.snapshot(), 3, "third epoch");
    }

    function test_snapshot_refusesWhenNothingChanged() public {
        vm.expectRevert(IKeeperRegistry.EpochUnchanged.selector);
        registry.snapshot();
    }

    function test_snapshot_refusesWithoutAnyStake() public {
        for (uint256 i = 0; i < KEEPERS; ++i) {
            allocate(operatorOf(i), 0);
        }
        vm.expectRevert(IKeeperRegistry.NoStake.selector);
        registry.snapshot();
    }

    /// Whatever the token's decimals: one row is capped so that 256 rows cannot overflow.
    function test_snapshot_capsHugeStake() public {
        for (uint256 i = 0; i < KEEPERS; ++i) {
            allocations.setDeposit(operatorOf(i), type(uint128).max);
        }
        registry.snapshot();
        equal(registry.epochInfo(2).totalStake, KEEPERS * type(uint88).max, "capped");
    }

    function test_unknownEpochIsNamed() public {
        vm.expectRevert(abi.encodeWithSelector(ICertificateVerifier.UnknownEpoch.selector, 7));
        registry.epochInfo(7);
        vm.expectRevert(abi.encodeWithSelector(ICertificateVerifier.UnknownEpoch.selector, 7));
        registry.signingKey(7, new uint256[](1));
    }

    /* UPGRADES */

    function test_upgrade_onlyByTheOwner() public {
        address code = address(new KeeperRegistry(service, EPOCH_SECONDS, 1 ether));
        vm.prank(CREATOR);
        vm.expectRevert(abi.encodeWithSelector(OwnableUpgradeable.OwnableUnauthorizedAccount.selector, CREATOR));
        registry.upgradeToAndCall(code, "");
        registry.upgradeToAndCall(code, "");
        equal(registry.operatorCount(), KEEPERS, "storage survives");
    }

    function test_initialize_onceOnly() public {
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        registry.initialize(CREATOR);
        KeeperRegistry code = new KeeperRegistry(service, EPOCH_SECONDS, 1 ether);
        vm.expectRevert(Initializable.InvalidInitialization.selector);
        code.initialize(CREATOR);
    }

    function test_constructor_wantsThePrecompiles() public {
        vm.mockCall(address(0x0f), "", "");
        vm.expectRevert(BLS12381.PrecompilesMissing.selector);
        new KeeperRegistry(service, EPOCH_SECONDS, 1 ether);
    }

    /* HELP */

    function proofFor(address operator, bytes memory key, uint256 secret, bytes32 peerKey)
        private
        view
        returns (bytes memory)
    {
        return Signing.sign(secret, registry.possessionDigest(operator, key, peerKey), BLS12381.POSSESSION_DST);
    }

    function refused(address operator, bytes memory key, bytes memory proof, bytes32 peerKey, bytes4 reason) private {
        vm.prank(address(service));
        vm.expectRevert(reason);
        registry.register(operator, key, proof, peerKey);
    }

    function registerAs(address operator, bytes calldata data) external {
        registerWith(operator, data);
    }
}
