// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {IJobManager} from "./interfaces/IJobManager.sol";
import {Chain} from "./libraries/Chain.sol";
import {JobWord} from "./libraries/JobWord.sol";
import {RunLog} from "./libraries/RunLog.sol";
import {Concluding} from "./Concluding.sol";
import {Desk} from "./Desk.sol";
import {Escrow} from "./Escrow.sol";
import {Guarded} from "./Guarded.sol";
import {Earnings} from "./Earnings.sol";
import {Covering} from "./Covering.sol";
import {Records} from "./Records.sol";
import {Settling} from "./Settling.sol";

/// @title JobManager
/// @notice See {IJobManager}.
/// @dev Holds all money: the jobs' escrow, what they set aside for gas and their listing deposits, what operators are owed (Earnings),
/// and the rest of what was charged, which is the protocol's. For every token the sum of them is what is held here.
contract JobManager is Settling, Guarded, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /* CONSTANTS */

    address public immutable serviceManager;
    /// @dev Code of this contract that has no room in it.
    address private immutable _desk;

    /* CONSTRUCTOR */

    constructor(address taskManager_, address registry_, address serviceManager_, uint32 notice, uint256 tip_)
        Records(taskManager_, notice)
        Earnings(registry_)
        Concluding(taskManager_)
        Covering(tip_)
    {
        serviceManager = serviceManager_;
        _desk = address(new Desk(taskManager_, registry_, serviceManager_, notice, tip_));
        _disableInitializers();
    }

    /// @param leastFee_ what a run must cost at least in the chain's coin
    function initialize(address owner, address guardian, uint96 leastFee_, uint96 deposit) external initializer {
        __Guarded_init(owner, guardian);
        _atDesk(abi.encodeCall(Desk.setLeastFee, (address(0), leastFee_)));
        _atDesk(abi.encodeCall(Desk.setListingDeposit, (deposit)));
    }

    /* JOBS: SEE DESK */

    /// @inheritdoc IJobManager
    function createJob(JobParams calldata params, uint256 funding, bytes32 salt)
        external
        payable
        nonReentrant
        whenNotPaused
        returns (uint64 jobId)
    {
        return abi.decode(_atDesk(msg.data), (uint64));
    }

    /// @inheritdoc IJobManager
    function fund(uint64 jobId, uint256 amount) external payable nonReentrant whenNotPaused {
        _atDesk(msg.data);
    }

    /// @inheritdoc IJobManager
    function lookAgain(uint64 jobId) external nonReentrant {
        // one that looks at many in one transaction pays for it once
        bool isPlain = msg.sender == tx.origin && msg.sender.code.length == 0;
        uint256 gasPrice = isPlain ? _refundPrice(_mostPrice(), msg.sender) : 0;
        uint256 taken = abi.decode(_atDesk(abi.encodeCall(Escrow.lookAgain, (jobId, gasPrice))), (uint256));
        if (taken != 0) refunds[msg.sender] += taken;
    }

    /// @inheritdoc IJobManager
    function pause(uint64 jobId) external {
        _atDesk(msg.data);
    }

    /// @inheritdoc IJobManager
    function resume(uint64 jobId) external {
        _atDesk(msg.data);
    }

    /// @inheritdoc IJobManager
    function update(uint64 jobId, JobParams calldata params) external {
        _atDesk(msg.data);
    }

    /// @inheritdoc IJobManager
    function cancel(uint64 jobId) external {
        _atDesk(msg.data);
    }

    /// @inheritdoc IJobManager
    function requestWithdrawal(uint64 jobId, uint256 amount, uint256 gas) external {
        _atDesk(msg.data);
    }

    /// @inheritdoc IJobManager
    function withdraw(uint64 jobId, address to) external nonReentrant {
        _atDesk(msg.data);
    }

    /// @inheritdoc IJobManager
    function setLeastFee(address token, uint96 leastFee_) external onlyOwner {
        _atDesk(msg.data);
    }

    /// @inheritdoc IJobManager
    function setListingDeposit(uint96 deposit) external onlyOwner {
        _atDesk(msg.data);
    }

    function _atDesk(bytes memory call) private returns (bytes memory) {
        return Address.functionDelegateCall(_desk, call);
    }

    /* CLAIMS */

    /// @inheritdoc IJobManager
    function claim(address token, uint32[] calldata epochs, address to) external nonReentrant returns (uint256 amount) {
        if (to == address(0)) revert ZeroRecipient();
        amount = _takeOwed(msg.sender, token, epochs);
        if (amount == 0) revert NothingOwed();
        emit Claimed(msg.sender, token, to, amount);
        _send(token, to, amount);
    }

    /// @inheritdoc IJobManager
    function claimProtocol(address token, address to) external nonReentrant onlyOwner returns (uint256 amount) {
        if (to == address(0)) revert ZeroRecipient();
        amount = protocolOwed[token];
        if (amount == 0) revert NothingOwed();
        protocolOwed[token] = 0;
        emit Claimed(msg.sender, token, to, amount);
        _send(token, to, amount);
    }

    function _send(address token, address to, uint256 amount) private {
        if (token == address(0)) Address.sendValue(payable(to), amount);
        else IERC20(token).safeTransfer(to, amount);
    }

    /* VIEWS */

    /// @inheritdoc IJobManager
    function job(uint64 jobId) external view returns (Job memory found) {
        Record storage record = _jobs[jobId];
        (uint256 account, uint256 schedule) = _load(record);
        found.version = uint32(JobWord.version(account));
        found.status = Status(JobWord.status(account));
        found.failures = uint8(JobWord.failures(account));
        found.escrow = uint128(JobWord.escrow(account));
        found.covered = JobWord.isCovered(account);
        if (found.version != 0) found.forwarder = forwarderOf(jobId);
        _describe(found, record, schedule);
    }

    function _describe(Job memory found, Record storage record, uint256 schedule) private view {
        found.trigger = Trigger(JobWord.trigger(schedule));
        found.quorumBps = JobWord.quorumBps(schedule);
        found.punctualSeconds = uint16(JobWord.punctualSeconds(schedule));
        found.callbackGas = uint32(JobWord.callbackGas(schedule));
        found.inactiveFrom = uint64(JobWord.inactiveFrom(schedule));
        found.fee = uint96(JobWord.fee(schedule));
        found.start = found.trigger == Trigger.Cron ? record.firstMinute : uint64(JobWord.start(schedule));
        if (found.trigger != Trigger.OneShot) found.interval = uint32(JobWord.interval(schedule));
        (found.owner, found.target, found.token) = (record.owner, record.target, record.token);
        (found.action, found.codeHash) = (record.action, record.codeHash);
        (found.deposit, found.gas) = (record.deposit, record.gas);
        found.limits = Limits(record.until, record.mostRuns, record.mostGasPrice, record.missed);
    }

    /// @inheritdoc IJobManager
    function isSettled(uint64 jobId, uint32 jobVersion, bytes32 instanceKey) external view returns (bool) {
        uint256 account = _load(_jobs[jobId].account);
        uint256 version = JobWord.version(account);
        // an older version's runs can settle no more
        if (jobVersion != version) return jobVersion < version;
        if (JobWord.hasKeys(account)) return _isKept(jobId, account, uint256(instanceKey));
        return RunLog.isSettled(JobWord.runs(account), uint256(instanceKey));
    }

    /// @inheritdoc IJobManager
    function canPay(uint64 jobId) public view returns (bool) {
        return JobWord.isCovered(_load(_jobs[jobId].account));
    }

    /// @inheritdoc IJobManager
    function mostCost(uint64 jobId, uint256 gasPrice) external view returns (uint256 fee, uint256 gas) {
        (, uint256 schedule) = _load(_jobs[jobId]);
        return (JobWord.fee(schedule), _mostGas(schedule, gasPrice, Chain.usualDataFee(_chainKind, MOST_BYTES)));
    }

    /// @inheritdoc IJobManager
    function tip() external view returns (uint256) {
        return _tip;
    }

    /// @inheritdoc IJobManager
    function jobCount() external view returns (uint64) {
        return _jobCount;
    }

    /// @inheritdoc IJobManager
    function noticeSeconds() external view returns (uint32) {
        return _noticeSeconds;
    }

    /// @inheritdoc IJobManager
    function leastFee(address token) external view returns (uint96) {
        return _leastFee[token];
    }

    /// @inheritdoc IJobManager
    function listingDeposit() external view returns (uint96) {
        return _listingDeposit;
    }

    /// @inheritdoc IJobManager
    function forwarderCodeHash() external view returns (bytes32) {
        return _forwarderCodeHash;
    }

    /// @inheritdoc IJobManager
    function registry() external view returns (address) {
        return address(_registry);
    }

    /// @inheritdoc IJobManager
    function owed(address operator, address token, uint32[] calldata epochs) external view returns (uint256 amount) {
        for (uint256 i = 0; i < epochs.length; ++i) {
            amount += _owedIn(operator, token, epochs[i]);
        }
    }

    /// @inheritdoc IJobManager
    function forwarderOf(uint64 jobId) public view returns (address) {
        return _forwarderAt(_jobs[jobId].salt);
    }

    /// @inheritdoc IJobManager
    function forwarderFor(address creator, bytes32 salt) external view returns (address) {
        return _forwarderAt(_saltOf(creator, salt));
    }

    function withdrawal(uint64 jobId) external view returns (uint256 amount, uint256 gas, uint64 availableAt) {
        Withdrawal memory request = _withdrawals[jobId];
        return (request.amount, request.gas, request.availableAt);
    }
}
