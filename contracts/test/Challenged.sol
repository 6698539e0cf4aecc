// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAllocationManager} from "../src/interfaces/IAllocationManager.sol";
import {IChallenger} from "../src/interfaces/IChallenger.sol";
import {ITaskManager} from "../src/interfaces/ITaskManager.sol";
import {BLS12381} from "../src/libraries/BLS12381.sol";
import {ReportLib} from "../src/libraries/ReportLib.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Signing} from "./Signing.sol";
import {World} from "./World.sol";

/// @notice Statements of keepers for the tests of the Challenger.
abstract contract Challenged is World {
    address internal constant REPORTER = address(0x4e90);

    function report(uint64 run, uint256 answer) internal view returns (ReportLib.Report memory) {
        ITaskManager.Anchor memory anchor = recentAnchors()[0];
        return ReportLib.Report({
            jobId: jobId,
            jobVersion: 1,
            instanceKey: bytes32(uint256(run)),
            anchorNumber: anchor.number,
            anchorHash: anchor.hash,
            inputHash: 0,
            status: 0,
            outcomeHash: bytes32(answer)
        });
    }

    function statement(ReportLib.Report memory what, bytes32[] memory proof, uint256 signers)
        internal
        view
        returns (IChallenger.Statement memory)
    {
        return statementIn(1, what, proof, signers);
    }

    function statementIn(uint32 epoch, ReportLib.Report memory what, bytes32[] memory proof, uint256 signers)
        internal
        view
        returns (IChallenger.Statement memory made)
    {
        bytes32 root = MerkleProof.processProof(proof, ReportLib.leaf(what));
        ITaskManager.Certificate memory certificate = certifyRoot(epoch, root, signers);
        return IChallenger.Statement(what, proof, certificate.signers, certificate.signature);
    }

    function resigned(IChallenger.Statement memory what, uint256 signers)
        internal
        view
        returns (IChallenger.Statement memory)
    {
        return statement(what.report, what.proof, signers);
    }

    /// @notice Two answers of one keeper on run 3.
    function twoWords(uint256 keeper)
        internal
        view
        returns (IChallenger.Statement memory one, IChallenger.Statement memory other)
    {
        return (statement(report(3, 1), none(), 1 << keeper), statement(report(3, 2), none(), 1 << keeper));
    }

    function prove(IChallenger.Statement memory one, IChallenger.Statement memory other) internal returns (uint256) {
        vm.prank(REPORTER);
        return challenger.proveEquivocation(1, one, other);
    }

    function refuses(IChallenger.Statement memory one, IChallenger.Statement memory other, bytes4 reason) internal {
        vm.expectRevert(reason);
        challenger.proveEquivocation(1, one, other);
    }

    function taskIdOf(IChallenger.Statement memory what) internal pure returns (bytes32) {
        return ReportLib.taskId(what.report.jobId, what.report.jobVersion, what.report.instanceKey);
    }

    function none() internal pure returns (bytes32[] memory) {
        return new bytes32[](0);
    }

    function no() internal pure returns (bytes memory) {
        return abi.encode(false);
    }

    function one_(Entry memory entry) internal pure returns (Entry[] memory) {
        return one(entry);
    }

    function set() internal view returns (IAllocationManager.OperatorSet memory) {
        return IAllocationManager.OperatorSet(address(service), 0);
    }

    /// @notice Stake of a member now, as the next snapshot would read it.
    function stakeNow(uint256 keeper) internal view returns (uint256) {
        return service.stakes(list(operatorOf(keeper)))[0];
    }

    /// @notice Stake that is still allocated, also after the operator left.
    function allocated(uint256 keeper) internal view returns (uint256) {
        return allocations.getAllocatedStake(set(), list(operatorOf(keeper)), list(STRATEGY))[0][0];
    }

    function list(address item) internal pure returns (address[] memory items) {
        items = new address[](1);
        items[0] = item;
    }

    /// @notice A committee's ruling on a dispute.
    function ruling(uint32 epoch, uint64 disputeId, uint8 status, bytes32 outcomeHash, uint256 signers)
        internal
        view
        returns (ITaskManager.Certificate memory certificate)
    {
        uint256 secret = 0;
        for (uint256 i = 0; i < KEEPERS; ++i) {
            if ((signers >> i) & 1 == 1) secret += secretOf(i);
        }
        certificate.epoch = epoch;
        certificate.signers = new uint256[](1);
        certificate.signers[0] = signers;
        certificate.signature = Signing.sign(
            secret, challenger.rulingDigest(epoch, disputeId, status, outcomeHash), BLS12381.SIGNATURE_DST
        );
    }
}
