// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IChallenger} from "../src/interfaces/IChallenger.sol";
import {BLS12381} from "../src/libraries/BLS12381.sol";
import {CertificateLib} from "../src/libraries/CertificateLib.sol";
import {ReportLib} from "../src/libraries/ReportLib.sol";
import {Challenged} from "./Challenged.sol";
import {Signing} from "./Signing.sol";

/// @notice
/// Statements under an epoch that was not active at their anchor
///   given a key that was given up, in whoever's hands: it convicts nobody of anything later, opens no dispute, joins none,
///     and certifies nothing
///   given the first and the last block of an epoch: they count; the one before and the one after: they do not
///   given the key of an epoch, at an anchor of that epoch, in time: it still convicts, also after it was given up
contract StaleEpochsTest is Challenged {
    uint64 private until;

    /// Keeper 1 gives up its key; epoch 1 ends in block `until`.
    function setUp() public override {
        super.setUp();
        bytes memory key = Signing.publicKey(secretOf(77));
        bytes32 message = registry.possessionDigest(operatorOf(1), key, peerKeyOf(77));
        bytes memory proof = Signing.sign(secretOf(77), message, BLS12381.POSSESSION_DST);
        vm.prank(operatorOf(1));
        registry.rotateKeys(key, proof, peerKeyOf(77));
        until = uint64(block.number);
        registry.snapshot();
        vm.roll(block.number + 20);
        vm.deal(address(this), 10 ether);
    }

    function at(uint64 number, uint256 answer) private view returns (ReportLib.Report memory made) {
        made = report(3, answer);
        made.anchorNumber = number;
    }

    function signed(uint32 epoch, uint64 anchor, uint256 answer, uint256 signers)
        private
        view
        returns (IChallenger.Statement memory)
    {
        // with the keys of epoch 1, whatever the epoch is said to be
        return statementIn(epoch, at(anchor, answer), none(), signers);
    }

    function notActive(uint32 epoch, uint64 anchor) private {
        vm.expectRevert(abi.encodeWithSelector(IChallenger.EpochNotActive.selector, epoch, anchor));
    }

    function refusesAll(uint32 epoch, uint64 anchor) private {
        uint256 before = allocated(1);
        IChallenger.Statement memory one = signed(epoch, anchor, 1, ALL);
        IChallenger.Statement memory other = signed(epoch, anchor, 2, ALL);
        notActive(epoch, anchor);
        challenger.proveEquivocation(epoch, one, other);
        notActive(epoch, anchor);
        challenger.openDispute{value: BOND}(epoch, one);
        notActive(epoch, anchor);
        challenger.isCertified(epoch, one);
        equal(allocated(1), before, "nothing was taken");
        check(registry.operatorInfo(operatorOf(1)).registered, "nobody was thrown out");
    }

    function test_givenUpKey_saysNothingOfLaterBlocks() public {
        refusesAll(1, uint64(block.number - 2));
        vm.roll(block.number + 5_000_000);
        vm.warp(block.timestamp + 60_000_000);
        refusesAll(1, uint64(block.number - 2));
    }

    /// Nor can the thief date it back: what lies so long ago can be held against nobody.
    function test_givenUpKey_nothingOfEarlierOnesAfterTheSpan() public {
        vm.roll(until + PROVABLE_BLOCKS + 1);
        IChallenger.Statement memory one = signed(1, until, 1, 2);
        IChallenger.Statement memory other = signed(1, until, 2, 2);
        vm.expectRevert(abi.encodeWithSelector(IChallenger.TooLate.selector, until + PROVABLE_BLOCKS));
        challenger.proveEquivocation(1, one, other);
    }

    function test_givenUpKey_convictsOfWhatWasSignedInItsTime() public {
        equal(challenger.proveEquivocation(1, signed(1, until, 1, 2), signed(1, until, 2, 2)), 1, "convicted");
        equal(allocated(1), 50 ether, "slashed");
    }

    function test_borders_ofAnEpoch(uint16 offset) public {
        uint64 anchor = 1001 + offset % uint64(block.number - 1 - 1001);
        if (anchor <= until) {
            check(challenger.isCertified(1, signed(1, anchor, 1, ALL)), "from its first block to its last");
        } else {
            refusesAll(1, anchor);
        }
    }

    function test_borders_firstAndLast() public {
        check(challenger.isCertified(1, signed(1, 1001, 1, ALL)), "first");
        check(challenger.isCertified(1, signed(1, until, 1, ALL)), "last");
        refusesAll(1, until + 1);
        IChallenger.Statement memory early = signed(1, 1000, 1, ALL);
        notActive(1, 1000);
        challenger.isCertified(1, early);
        // those who kept their keys: under the second epoch, at a block of the first one
        early = signed(2, until, 1, 0x1d);
        notActive(2, until);
        challenger.isCertified(2, early);
        check(challenger.isCertified(2, signed(2, until + 1, 1, 0x1d)), "first of the second");
    }

    function test_join_underTheEpochOfTheReportOnly() public {
        uint64 id = challenger.openDispute{value: BOND}(1, signed(1, until, 1, 0xf));
        IChallenger.Statement memory foreign = signed(2, until, 1, 0x1d);
        vm.expectRevert(CertificateLib.InvalidSignature.selector);
        challenger.joinDispute(id, foreign);
        challenger.joinDispute(id, signed(1, until, 1, ALL));
        equal(challenger.dispute(id).signers, ALL, "joined");
    }
}
